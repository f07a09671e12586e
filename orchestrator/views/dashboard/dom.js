// The only way text reaches the page: as text.

export const find = (id) => document.getElementById(id);

export function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== "") made.textContent = text;
  return made;
}

export const padded = (number) => String(number).padStart(4, "0");

export const figure = (value) => (value === null ? "" : value.toFixed(6));
