/* Stands in for the driver's libnvidia-ml.so.1: answers what the file named by FAKE_NVML says, read at each call.
 *
 * One word and numbers a line: `used MIB`, `total MIB`, `process PID MIB`, `reasons BITS`, `xid NUMBER` (each is
 * told once), `pending 1`, `recovery N`, `lost 1` (the card is gone), `hang 1` (the look never returns),
 * `old 1` (a driver that lacks the newer calls). The one card is GPU-fake, its MIG instance MIG-fake.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long long u64;
typedef struct { unsigned pid; u64 used; unsigned gpu_instance, compute_instance; } Process;
typedef struct { char legacy[16]; unsigned domain, bus, device, pci, subsystem; char bus_id[32]; } Pci;
typedef struct { void *device; u64 type, data; unsigned gpu_instance, compute_instance; } Event;
typedef struct { unsigned field, scope; long long stamp, latency; unsigned type, result; u64 value; } Field;

enum { OK = 0, INVALID = 2, UNSUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, TIMEOUT = 10, ABSENT = 13, LOST = 15 };
static int told; /* how many Xids were told already */

/* The numbers behind the nth line that begins with the word; how many numbers there are. */
static int line(const char *word, int nth, long long *first, long long *second) {
    char text[128], name[32];
    FILE *state = fopen(getenv("FAKE_NVML"), "r");
    int numbers = 0;
    while (state && fgets(text, sizeof text, state)) {
        long long one = 0, two = 0;
        int read = sscanf(text, "%31s %lld %lld", name, &one, &two);
        if (read > 1 && !strcmp(name, word) && nth-- == 0) {
            *first = one, *second = two, numbers = read - 1;
            break;
        }
    }
    if (state) fclose(state);
    return numbers;
}

static long long number(const char *word) {
    long long value = 0, unused = 0;
    line(word, 0, &value, &unused);
    return value;
}

int nvmlInitWithFlags(unsigned flags) { return flags; }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int error) { return error == LOST ? "GPU is lost" : error == NOT_FOUND ? "Not Found" : "Error"; }

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device) {
    *device = "MIG-fake";
    if (!strcmp(uuid, "MIG-fake")) return OK;
    *device = "GPU-fake";
    return strcmp(uuid, "GPU-fake") ? NOT_FOUND : OK;
}
int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(void *instance, void **device) {
    *device = "GPU-fake";
    return strcmp(instance, "MIG-fake") ? INVALID : OK;
}
int nvmlDeviceGetPciInfo_v3(void *device, Pci *pci) {
    strcpy(pci->bus_id, "00000000:3B:00.0");
    return OK;
}
int nvmlEventSetCreate(void **set) { *set = "events"; return OK; }
int nvmlDeviceRegisterEvents(void *device, u64 types, void *set) { return types == 8 && !number("old") ? OK : UNSUPPORTED; }
int nvmlEventSetWait_v2(void *set, Event *event, unsigned milliseconds) {
    long long xid, unused;
    if (line("xid", told, &xid, &unused)) {
        event->data = xid, told++;
        return OK;
    }
    usleep(1000 * milliseconds);
    return TIMEOUT;
}

static int memory(u64 *total, u64 *used) {
    while (number("hang")) usleep(1000);
    *total = (u64)number("total") << 20, *used = (u64)number("used") << 20;
    return number("lost") ? LOST : OK;
}
int nvmlDeviceGetMemoryInfo(void *device, u64 *info) { return memory(info, info + 2); }
int nvmlDeviceGetMemoryInfo_v2(void *device, u64 *info) { return number("old") ? ABSENT : memory(info + 1, info + 4); }

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, Process *processes) {
    long long pid, mib;
    unsigned there = 0, room = *count;
    if (number("lost")) return LOST;
    for (; line("process", there, &pid, &mib); there++)
        if (there < room && processes) processes[there] = (Process){pid, (u64)mib << 20, 0, 0};
    *count = there;
    return there > room ? TOO_SMALL : OK;
}

int nvmlDeviceGetCurrentClocksEventReasons(void *card, u64 *bits) {
    *bits = number("reasons");
    return strcmp(card, "GPU-fake") ? INVALID : number("old") ? ABSENT : OK;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *card, u64 *bits) { *bits = number("reasons"); return OK; }
int nvmlDeviceGetRemappedRows(void *card, unsigned *a, unsigned *b, unsigned *pending, unsigned *failed) {
    *a = *b = *failed = 0, *pending = number("pending");
    return number("old") ? UNSUPPORTED : OK;
}
int nvmlDeviceGetRetiredPagesPendingStatus(void *card, unsigned *pending) { *pending = number("pending"); return OK; }
int nvmlDeviceGetFieldValues(void *card, int count, Field *fields) {
    fields->value = number("recovery"), fields->result = number("old") ? UNSUPPORTED : OK;
    return count == 1 && fields->field == 230 ? OK : INVALID;
}
int nvmlDeviceGetTemperature(void *card, unsigned sensor, unsigned *celsius) { *celsius = 41; return sensor; }
int nvmlDeviceGetClockInfo(void *card, unsigned clock, unsigned *megahertz) { *megahertz = 1980; return clock == 1 ? OK : INVALID; }
