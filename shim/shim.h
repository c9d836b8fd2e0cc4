/* The shim: process 1 of the sandbox or container that user code runs in.
 *
 * It does what one frame asks for, answers with frames, and dies when its peer does; see PROTOCOL.md. Nothing here
 * knows of datums: a run is a command, a folder to show at /pfs, and a promise that nothing of it survives the run.
 *
 * One thread, no recursion, no growing state: whatever goes wrong in the shim's own work ends it, which ends every
 * process in its namespace, and the worker starts another.
 */
#ifndef HATHI_SHIM_H
#define HATHI_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define PROTOCOL_VERSION 1
#define MAX_FRAME (64u << 20)    /* bytes; a request beyond this is a broken peer */
#define PIECE (64u << 10)        /* bytes of output in one frame; the size of a pipe */

/* ---- frames.c: the wire ---- */

extern int wire_in, wire_out;    /* the same socket, or standard input and output */

struct frame {
	uint8_t kind;
	uint32_t size;
	uint8_t *data;           /* valid until the next read_frame */
};

struct cursor {                  /* reads or writes the fields of a frame */
	uint8_t *at, *end;
	bool broken;
};

void wire_use(int in, int out);
bool read_frame(struct frame *frame);                 /* false: the peer is gone */
bool wire_push(void);                                 /* send what the socket takes now; true when nothing is left */
bool wire_idle(void);                                 /* nothing waits to be sent */
void queue_frame(uint8_t kind, const void *data, size_t size);  /* only when idle; size <= PIECE */
void send_frame(uint8_t kind, const void *data, size_t size);   /* waits until it is sent */
void send_text(uint8_t kind, const char *text);
uint32_t take_u32(struct cursor *c);
uint64_t take_u64(struct cursor *c);
char *take_text(struct cursor *c, uint32_t *size);    /* ends with a NUL that is not counted */
void give_u32(struct cursor *c, uint32_t value);
void give_u64(struct cursor *c, uint64_t value);
void give_text(struct cursor *c, const char *text);
_Noreturn void fatal(const char *format, ...);        /* tell the peer why, and die with everything */

/* ---- sandbox.c: a view of the host with its own processes and throw-away writes ---- */

struct sandbox {
	const char *stage;       /* folder whose subfolders are shown at /pfs */
	const char *scratch;     /* empty folder for throw-away writes */
	char **hide;             /* host paths that the sandbox must not see */
	int hide_count;
	char **cover;            /* folders of the host of which it sees nothing but what is shown; it may write there */
	int cover_count;
	char **own;              /* folders below those that it finds empty, such as a user's home below /home */
	int own_count;
	char **show;             /* what it sees below those, and folders in the host's /tmp, though /tmp is its own */
	int show_count;
};

struct view {
	bool sandboxed;          /* the shim made the namespaces itself */
	bool user_namespace;     /* it could do so only in a user namespace */
	int kept, read_only;     /* parts of the host shown with throw-away writes, and read-only */
};

void enter_sandbox(const struct sandbox *sandbox, struct view *view);
void show_folder(const char *folder);                 /* bind stage/folder at /pfs */
void unshow_folder(void);
void renew_host(void);                                /* throw away what was written to the host's files */

/* ---- clean.c ---- */

typedef void reaper(pid_t pid, int status, const struct rusage *usage);
void kill_everything(reaper *ended);                  /* every process but this one; returns when none is left */
void note_own(const char *path);                      /* what is there now stays when the folder is emptied */
bool is_own(const char *path, const char *name);      /* whether it is what stays there */
typedef bool keeper(const char *path, const char *name);
/* Remove all but what `keep` says, and give the folder a mode; false: something could not be removed. */
bool empty_folder(const char *path, int mode, keeper *keep);
bool remove_folder(const char *path);
int own_tree(const char *path, uid_t uid, gid_t gid); /* errno, or 0 */

/* ---- run.c ---- */

void note_owner(const struct view *view);             /* whose /pfs is between runs */
void note_folder(void);                               /* where commands start unless they say otherwise */
void run_command(struct frame *frame, const struct view *view);

/* ---- look.c ---- */

void look_at(struct frame *frame);
void read_path(struct frame *frame);

#endif
