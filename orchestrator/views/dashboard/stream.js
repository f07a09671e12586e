// What the server tells, by server-sent events; goes on where it was left after a break.
//
// A page that cannot be seen lets go of its connection: a browser has only six for one host.

const AGAIN_MILLISECONDS = 2000;

export function follow(told) {
  let source = null, last = "", later = 0;

  function open() {
    clearTimeout(later);
    if (source || document.hidden) return;
    source = new EventSource(`/events?since=${encodeURIComponent(last)}`);
    source.onopen = () => told.link(true);
    source.onerror = () => {
      told.link(false);
      if (source.readyState === EventSource.CLOSED) {
        close();
        later = setTimeout(open, AGAIN_MILLISECONDS);
      }
    };
    for (const name of ["reset", "head", "rows", "ready"]) {
      source.addEventListener(name, (event) => {
        last = event.lastEventId || last;
        told[name](JSON.parse(event.data));
      });
    }
  }

  function close() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
}
