/* One run: a command in a fresh sandbox, its output as it comes, and what it cost. */
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_GROUPS 256
#define CONTINUES 1u             /* request flag: the same /pfs and /tmp as the run before, as that left them */
#define TIMED_OUT 1u             /* reply flags */
#define KILLED 2u
#define NOT_STARTED 4u

struct request {
	uint32_t flags;
	uint64_t timeout_ms;
	char *folder, *cwd, *user, *input;
	uint32_t input_size;
	char **argv, **envp;
};

struct identity {
	bool change;
	uid_t uid;
	gid_t gid, groups[MAX_GROUPS];
	int group_count;
	char home[256];
};

struct result {
	int32_t code;
	uint32_t signal, flags;
	uint64_t peak_bytes, user_us, system_us, wall_us;
	char error[1024];
};

static struct result result;
static pid_t main_pid;
static bool main_ended;

/* ---- the request ---- */

static char **take_list(struct cursor *c, uint32_t spare)
{
	uint32_t count = take_u32(c);
	if (count > MAX_FRAME / 5)
		c->broken = true;
	char **list = calloc(c->broken ? 1 : count + spare + 1, sizeof *list);
	if (list == NULL)
		fatal("out of memory");
	for (uint32_t i = 0; i < count && !c->broken; i++)
		list[i] = take_text(c, NULL);
	return list;
}

static struct request take_request(struct frame *frame)
{
	struct cursor c = {frame->data, frame->data + frame->size, false};
	struct request r = {.flags = take_u32(&c), .timeout_ms = take_u64(&c)};
	r.folder = take_text(&c, NULL);
	r.cwd = take_text(&c, NULL);
	r.user = take_text(&c, NULL);
	r.input = take_text(&c, &r.input_size);
	r.argv = take_list(&c, 0);
	r.envp = take_list(&c, 1); /* room for HOME */
	if (c.broken || c.at != c.end || r.argv[0] == NULL)
		fatal("broken request to run a command");
	return r;
}

/* ---- who runs it ---- */

static bool parse_id(const char *text, unsigned *id)
{
	char *end;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != 0 || errno != 0 || value >= UINT32_MAX)
		return false;
	*id = (unsigned)value;
	return true;
}

/* `user`, `uid`, `user:group` or `uid:gid`, as this file system's /etc/passwd and /etc/group have them. */
static bool find_identity(const char *text, struct identity *who)
{
	char name[256];
	memset(who, 0, sizeof *who);
	snprintf(name, sizeof name, "%s", text);
	char *group = strchr(name, ':');
	if (group != NULL)
		*group++ = 0;
	who->uid = geteuid();
	who->gid = getegid();
	bool number = parse_id(name, &who->uid);
	struct passwd *entry = name[0] == 0 || number ? getpwuid(who->uid) : getpwnam(name);
	if (entry == NULL && name[0] != 0 && !number) {
		snprintf(result.error, sizeof result.error, "no user \"%s\" in /etc/passwd", name);
		return false;
	}
	if (entry != NULL) {
		who->uid = entry->pw_uid;
		who->gid = name[0] == 0 ? who->gid : entry->pw_gid;
	} else if (number) {
		who->gid = 0; /* what container engines do for a number that has no name */
	}
	snprintf(who->home, sizeof who->home, "%s", entry != NULL && entry->pw_dir[0] == '/' ? entry->pw_dir : "/");
	if (group != NULL && *group != 0 && !parse_id(group, &who->gid)) {
		struct group *found = getgrnam(group);
		if (found == NULL) {
			snprintf(result.error, sizeof result.error, "no group \"%s\" in /etc/group", group);
			return false;
		}
		who->gid = found->gr_gid;
	}
	who->change = name[0] != 0 && (who->uid != geteuid() || who->gid != getegid());
	if (!who->change)
		return true;
	if (geteuid() != 0) {
		snprintf(result.error, sizeof result.error, "cannot run as user \"%s\": the sandbox has only user %u", text,
		         (unsigned)geteuid());
		return false;
	}
	who->group_count = MAX_GROUPS;
	if (entry == NULL || getgrouplist(entry->pw_name, who->gid, who->groups, &who->group_count) < 0) {
		who->groups[0] = who->gid;
		who->group_count = 1;
	}
	return true;
}

static const char *variable(char **envp, const char *name)
{
	size_t size = strlen(name);
	for (; *envp != NULL; envp++)
		if (strncmp(*envp, name, size) == 0 && (*envp)[size] == '=')
			return *envp + size + 1;
	return NULL;
}

static void give_home(char **envp, const struct identity *who, const struct view *view)
{
	static char home[sizeof who->home + 8];
	if (variable(envp, "HOME") != NULL)
		return;
	/* Where the host is read-only for the sandbox, programs still expect a home that they can write to. */
	bool usable = !view->sandboxed || who->change || access(who->home, W_OK) == 0;
	snprintf(home, sizeof home, "HOME=%s", usable ? who->home : "/tmp");
	while (*envp != NULL)
		envp++;
	*envp = home;
}

/* ---- starting it ---- */

struct start {
	const struct request *request;
	const struct identity *who;
	const char *path;
	int files[3];
	volatile int error;      /* written by the child, which shares our memory until it runs the command */
	const char *volatile at_folder; /* the working directory that could not be entered, NULL when none failed */
};

/* Where the shim was started: in a container that is the image's WORKDIR. By name, since a folder in /pfs or /tmp is
 * another one in each run. */
static char started_in[4096];

void note_folder(void)
{
	if (getcwd(started_in, sizeof started_in) == NULL || started_in[0] != '/')
		started_in[0] = 0;
}

static int start_child(void *given)
{
	struct start *s = given;
	const struct identity *who = s->who;
	sigset_t none;
	setsid();
	for (int i = 0; i < 3; i++)
		if (dup2(s->files[i], i) < 0)
			goto failed;
	/* The plain system calls: the C library's would try to change other threads, which share our memory. */
	if (who->change && (syscall(SYS_setgroups, (size_t)who->group_count, who->groups) != 0 ||
	                    syscall(SYS_setresgid, who->gid, who->gid, who->gid) != 0 ||
	                    syscall(SYS_setresuid, who->uid, who->uid, who->uid) != 0))
		goto failed;
	const char *folders[] = {s->request->cwd[0] == '/' ? "" : started_in, s->request->cwd};
	for (int i = 0; i < 2; i++)
		if (folders[i][0] != 0 && chdir(folders[i]) != 0) {
			s->at_folder = folders[i];
			goto failed;
		}
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(s->path, s->request->argv, s->request->envp);
failed:
	s->error = errno;
	_exit(127);
}

static pid_t start(struct start *s)
{
	static char stack[64 << 10] __attribute__((aligned(16)));
	s->error = 0;
	s->at_folder = NULL;
	pid_t pid = clone(start_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, s);
	if (pid < 0)
		s->error = errno;
	return pid;
}

static void explain(const struct start *s)
{
	const char *name = s->request->argv[0], *why = strerror(s->error);
	if (s->at_folder != NULL) {
		snprintf(result.error, sizeof result.error, "cannot enter working directory \"%s\": %s", s->at_folder, why);
		return;
	}
	if (s->error == ENOEXEC)
		why = "neither a program for this machine nor a script that begins with #!";
	else if (s->error == ENOENT && access(s->path, F_OK) == 0)
		why = "its interpreter or loader does not exist here";
	snprintf(result.error, sizeof result.error, "cannot run \"%s\": %s", name, why);
}

/* Try the folders of the request's own PATH, as a shell would. Sets result.error when nothing could be started. */
static pid_t start_by_name(struct start *s)
{
	static char path[4096];
	const char *name = s->request->argv[0], *folders = variable(s->request->envp, "PATH");
	s->path = name;
	if (strchr(name, '/') != NULL) {
		pid_t pid = start(s);
		if (s->error != 0)
			explain(s);
		return pid;
	}
	bool denied = false;
	if (folders == NULL)
		folders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (*name != 0 && folders != NULL && *folders != 0) {
		size_t size = strcspn(folders, ":");
		snprintf(path, sizeof path, "%.*s/%s", (int)size, folders, name);
		folders += size + (folders[size] == ':');
		s->path = path;
		if (access(path, F_OK) != 0)
			continue;
		pid_t pid = start(s);
		if (s->error == 0)
			return pid;
		if (s->error != EACCES || s->at_folder != NULL) {
			explain(s);
			return pid;
		}
		denied = true;
	}
	snprintf(result.error, sizeof result.error, denied ? "cannot run \"%s\": permission denied"
	                                                   : "cannot run \"%s\": no such command in PATH", name);
	return -1;
}

/* ---- watching it ---- */

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void ended(pid_t pid, int status, const struct rusage *usage)
{
	uint64_t peak = (uint64_t)usage->ru_maxrss * 1024u;
	if (peak > result.peak_bytes)
		result.peak_bytes = peak;
	result.user_us += (uint64_t)usage->ru_utime.tv_sec * 1000000u + (uint64_t)usage->ru_utime.tv_usec;
	result.system_us += (uint64_t)usage->ru_stime.tv_sec * 1000000u + (uint64_t)usage->ru_stime.tv_usec;
	if (pid != main_pid)
		return;
	main_ended = true;
	result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	result.signal = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
}

static void reap(int signals)
{
	struct signalfd_siginfo seen[8];
	struct rusage usage;
	int status;
	pid_t pid;
	while (read(signals, seen, sizeof seen) > 0)
		;
	while ((pid = wait4(-1, &status, __WALL | WNOHANG, &usage)) > 0)
		ended(pid, status, &usage);
}

/* Move what the pipe holds now into one frame; closes it at its end. False when there was nothing to move. */
static bool forward(int *pipe, uint8_t kind)
{
	static uint8_t piece[PIECE];
	ssize_t n = read(*pipe, piece, sizeof piece);
	if (n < 0)
		return false;
	if (n == 0) {
		close(*pipe);
		*pipe = -1;
		return false;
	}
	queue_frame(kind, piece, (size_t)n);
	wire_push();
	return true;
}

static void feed(int *pipe, const struct request *r, uint32_t *given)
{
	ssize_t n = write(*pipe, r->input + *given, r->input_size - *given);
	if (n > 0)
		*given += (uint32_t)n;
	if (*given == r->input_size || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(*pipe); /* all given, or the command does not want the rest, which is no error */
		*pipe = -1;
	}
}

static int wait_ms(uint64_t until)
{
	if (until == 0)
		return -1;
	uint64_t now = now_us();
	return now >= until ? 0 : (int)((until - now) / 1000u < 1000000u ? (until - now) / 1000u + 1 : 1000000u);
}

static void watch(const struct request *r, int signals, int input, int output, int errors, uint64_t began)
{
	uint64_t until = r->timeout_ms != 0 ? began + r->timeout_ms * 1000u : 0;
	uint32_t given = 0;
	while (!main_ended) {
		bool idle = wire_idle();
		struct pollfd on[6] = {
			{.fd = wire_in, .events = POLLIN},
			{.fd = signals, .events = POLLIN},
			{.fd = idle ? -1 : wire_out, .events = POLLOUT},
			{.fd = idle ? output : -1, .events = POLLIN},
			{.fd = idle ? errors : -1, .events = POLLIN},
			{.fd = input, .events = POLLOUT},
		};
		int n = poll(on, 6, wait_ms(until));
		if (n < 0 && errno != EINTR)
			fatal("poll: %s", strerror(errno));
		if (until != 0 && now_us() >= until) {
			result.flags |= TIMED_OUT;
			kill(-1, SIGKILL);
			until = 0;
		}
		if (n <= 0)
			continue;
		if (on[0].revents != 0) {
			struct frame frame;
			if (!read_frame(&frame) || frame.kind != 'K')
				_exit(0);
			result.flags |= KILLED;
			kill(-1, SIGKILL);
		}
		if (on[2].revents != 0)
			wire_push();
		if (on[3].revents == 0 || !forward(&output, 'O'))
			if (on[4].revents != 0)
				forward(&errors, 'E');
		if (on[5].revents != 0)
			feed(&input, r, &given);
		if (on[1].revents != 0)
			reap(signals);
	}
	kill_everything(ended);
	result.wall_us = now_us() - began;
	if (input >= 0)
		close(input);
	/* Nothing is left that could write: what the pipes hold now is all there will be. */
	for (int *pipe = &output; pipe != NULL; pipe = pipe == &output ? &errors : NULL)
		while (*pipe >= 0) {
			while (!wire_push())
				poll(&(struct pollfd){.fd = wire_out, .events = POLLOUT}, 1, -1);
			if (!forward(pipe, pipe == &output ? 'O' : 'E') && *pipe >= 0) {
				close(*pipe);
				*pipe = -1;
			}
		}
}

static void run(const struct request *r, const struct identity *who)
{
	static int nothing = -1, signals = -1;
	int input[2] = {-1, -1}, output[2], errors[2];
	if (signals < 0) {
		sigset_t mask;
		sigemptyset(&mask);
		sigaddset(&mask, SIGCHLD);
		signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
		nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (signals < 0 || nothing < 0 || pipe2(output, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0 ||
	    (r->input_size > 0 && pipe2(input, O_CLOEXEC) != 0))
		fatal("cannot prepare a run: %s", strerror(errno));
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	fcntl(errors[0], F_SETFL, O_NONBLOCK);
	if (input[1] >= 0)
		fcntl(input[1], F_SETFL, O_NONBLOCK);
	struct start s = {.request = r, .who = who, .files = {input[0] >= 0 ? input[0] : nothing, output[1], errors[1]}};
	uint64_t began = now_us();
	main_pid = start_by_name(&s);
	close(output[1]);
	close(errors[1]);
	if (input[0] >= 0)
		close(input[0]);
	if (result.error[0] == 0) {
		watch(r, signals, input[1], output[0], errors[0], began);
		return;
	}
	kill_everything(ended);
	close(output[0]);
	close(errors[0]);
	if (input[1] >= 0)
		close(input[1]);
}

/* What the run before left is removed only now, so that the worker can look at it until then. */
static void make_fresh(const struct request *r, const struct view *view)
{
	static bool shown;
	if (shown && view->sandboxed)
		unshow_folder();
	shown = false;
	if (view->sandboxed)
		renew_host();
	mkdir("/tmp", 01777); /* an image from scratch has none; where it cannot be made, commands do without */
	if (!empty_folder("/tmp", 01777, is_own))
		fatal("cannot empty /tmp after a run: %s", strerror(errno));
	if (!empty_folder("/dev/shm", 01777, is_own))
		fatal("cannot empty /dev/shm after a run: %s", strerror(errno));
	if (r->folder[0] == 0)
		return;
	if (!view->sandboxed)
		fatal("cannot show a folder at /pfs: the shim did not make this sandbox");
	show_folder(r->folder);
	shown = true;
}

static struct stat owner;

/* In a container /pfs is a folder of the worker's. One that is not root must be able to take away what a command made
 * as root, or as a user of the image. */
void note_owner(const struct view *view)
{
	memset(&owner, 0, sizeof owner);
	if (!view->sandboxed && stat("/pfs", &owner) != 0)
		memset(&owner, 0, sizeof owner);
}

static void give_back(void)
{
	int failed = owner.st_uid != 0 ? own_tree("/pfs", owner.st_uid, owner.st_gid) : 0;
	if (failed > 0)
		fatal("cannot give /pfs back to the worker: %s", strerror(failed));
}

void run_command(struct frame *frame, const struct view *view)
{
	struct request r = take_request(frame);
	struct identity who;
	memset(&result, 0, sizeof result);
	main_ended = false;
	main_pid = -1;
	if ((r.flags & CONTINUES) == 0)
		make_fresh(&r, view);
	if (find_identity(r.user, &who)) {
		int failed = who.change && (r.flags & CONTINUES) == 0 ? own_tree("/pfs", who.uid, who.gid) : 0;
		if (failed > 0)
			snprintf(result.error, sizeof result.error, "cannot give /pfs to user \"%s\": %s", r.user, strerror(failed));
		give_home(r.envp, &who, view);
	}
	if (result.error[0] == 0)
		run(&r, &who);
	give_back();
	if (result.error[0] != 0) {
		result.flags |= NOT_STARTED;
		result.code = 127;
		result.signal = 0;
	}
	free(r.argv);
	free(r.envp);
	uint8_t room[2048];
	struct cursor out = {room, room + sizeof room, false};
	give_u32(&out, (uint32_t)result.code);
	give_u32(&out, result.signal);
	give_u32(&out, result.flags);
	give_u64(&out, result.peak_bytes);
	give_u64(&out, result.user_us);
	give_u64(&out, result.system_us);
	give_u64(&out, result.wall_us);
	give_text(&out, result.error);
	send_frame('X', room, (size_t)(out.at - room));
}
