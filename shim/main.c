/* hathi-shim: what it is asked to be, and its loop. PROTOCOL.md says the rest. */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_TRIES 1200       /* of 50 ms: a worker beside us may start later than we do */

static const char usage[] =
	"usage: hathi-shim sandbox --fd N --stage DIR --scratch DIR [--hide PATH]... [--cover DIR]... [--own DIR]... [--show PATH]... [--cgroup DIR]...\n"
	"       hathi-shim serve (--fd N | --unix PATH | --stdio)\n";

static _Noreturn void refuse(const char *why)
{
	dprintf(2, "hathi-shim: %s\n%s", why, usage);
	_exit(2);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path)
		refuse("the socket's path is too long");
	strcpy(address.sun_path, path);
	for (int i = 0; i < CONNECT_TRIES; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
			return fd;
		close(fd);
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	}
	refuse("nobody listens at the socket");
}

/* The wire moves away from 0 and 1, which are the command's. */
static void use_stdio(void)
{
	int in = fcntl(0, F_DUPFD_CLOEXEC, 3), out = fcntl(1, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDWR);
	if (in < 0 || out < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		refuse("standard input and output cannot be used");
	wire_use(in, out);
}

/* We go in before we start anything, so that all that we start is in it. It is the limits' border, not ours alone: when
 * the kernel ends us for memory, that ends what ran as well. */
static void join_group(const char *folder)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/cgroup.procs", folder);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		fatal("cannot enter the control group %s: %s", folder, strerror(errno));
	close(fd);
}

static void hello(const struct view *view)
{
	const char *token = getenv("HATHI_SHIM_TOKEN");
	uint8_t room[256];
	struct cursor out = {room, room + sizeof room, false};
	give_u32(&out, PROTOCOL_VERSION);
	give_u32(&out, (view->sandboxed ? 1u : 0u) | (view->user_namespace ? 2u : 0u));
	give_u32(&out, (uint32_t)view->kept);
	give_u32(&out, (uint32_t)view->read_only);
	give_text(&out, token != NULL ? token : "");
	send_frame('H', room, (size_t)(out.at - room));
}

static void serve(const struct view *view)
{
	struct frame frame;
	sigset_t child;
	if (getpid() != 1)
		fatal("the shim must be process 1, since it ends all others; it is %d", (int)getpid());
	/* User code may be root and have our capabilities: without this it could trace us, and take our descriptors. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0)
		fatal("prctl: %s", strerror(errno));
	note_owner(view);
	note_folder();
	if (!view->sandboxed)
		note_own("/tmp");
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal(SIGPIPE, SIG_IGN);
	hello(view);
	while (read_frame(&frame)) {
		if (frame.kind == 'R')
			run_command(&frame, view);
		else if (frame.kind == 'L')
			look_at(&frame);
		else if (frame.kind == 'G')
			read_path(&frame);
		else if (frame.kind != 'K') /* came after its run had ended by itself */
			fatal("unknown request '%c'", frame.kind);
	}
}

int main(int argc, char **argv)
{
	struct sandbox sandbox = {
		.hide = calloc((size_t)argc + 1, sizeof(char *)),
		.cover = calloc((size_t)argc + 1, sizeof(char *)),
		.own = calloc((size_t)argc + 1, sizeof(char *)),
		.show = calloc((size_t)argc + 1, sizeof(char *)),
	};
	struct view view = {0};
	bool sandboxed = argc > 1 && strcmp(argv[1], "sandbox") == 0;
	if (!sandboxed && (argc < 2 || strcmp(argv[1], "serve") != 0))
		refuse("unknown command");
	for (int i = 2; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(argv[i], "--stdio") == 0) {
			use_stdio();
			continue;
		}
		if (value == NULL)
			refuse("an option lacks its value");
		i++;
		if (strcmp(argv[i - 1], "--fd") == 0)
			wire_use(atoi(value), atoi(value));
		else if (strcmp(argv[i - 1], "--unix") == 0) {
			int fd = connect_to(value);
			wire_use(fd, fd);
		} else if (strcmp(argv[i - 1], "--stage") == 0)
			sandbox.stage = value;
		else if (strcmp(argv[i - 1], "--scratch") == 0)
			sandbox.scratch = value;
		else if (strcmp(argv[i - 1], "--hide") == 0)
			sandbox.hide[sandbox.hide_count++] = argv[i];
		else if (strcmp(argv[i - 1], "--cover") == 0)
			sandbox.cover[sandbox.cover_count++] = argv[i];
		else if (strcmp(argv[i - 1], "--own") == 0)
			sandbox.own[sandbox.own_count++] = argv[i];
		else if (strcmp(argv[i - 1], "--cgroup") == 0)
			join_group(value);
		else if (strcmp(argv[i - 1], "--show") == 0)
			sandbox.show[sandbox.show_count++] = argv[i];
		else
			refuse("unknown option");
	}
	if (wire_in < 3)
		refuse("no way to the worker was given");
	fcntl(wire_in, F_SETFD, FD_CLOEXEC);
	fcntl(wire_out, F_SETFD, FD_CLOEXEC);
	if (sandboxed) {
		if (sandbox.stage == NULL || sandbox.scratch == NULL)
			refuse("a sandbox needs --stage and --scratch");
		enter_sandbox(&sandbox, &view);
	}
	serve(&view);
	return 0;
}
