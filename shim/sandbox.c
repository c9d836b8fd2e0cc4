/* The sandbox of the process runtime: the host's files, but nothing written there lasts; processes of its own; and without
 * the folders that hold secrets.
 *
 * The new root is a small tmpfs in which each top-level entry of the host appears: as an overlay whose writes go to the
 * scratch folder where the kernel allows one, else read-only. It is not a border against hostile code. */
#define _GNU_SOURCE
#include "shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define SET_READ_ONLY 1u /* MOUNT_ATTR_RDONLY */
#define MAX_MOUNTS 4096
#define MAX_ENTRIES 512
#define MAX_WAYS 4096
#define IPC_TRIES 500            /* of 10 ms */

struct layer {                   /* an overlay: where its writes go, and how that folder looked before anything was written */
	int number;
	const char *top;         /* the top-level entry that it belongs to */
	struct stat before;
};

struct entry {                   /* a top-level entry of the host that is shown */
	char *path, *link;       /* link: what it leads to, when it is one */
};

struct way {                     /* what is in a cover by itself: the folder it shows, and the ways to what is shown in it */
	char *path;              /* of the host's, in scratch */
	bool folder;             /* one that user code may write to; else something is shown over it */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct stat before;
};

static int host_fd = -1;         /* the host's root, below the cover at /pfs once we are in the sandbox */
static int stage_fd = -1;        /* the worker's folder of datums, there as well */
static char root[PATH_MAX];      /* the new root while it is built, then "" */
static struct stat root_before;
static const struct sandbox *given;
static char scratch[PATH_MAX];
static struct layer layers[MAX_MOUNTS];
static int layer_count, layer_number;
static struct way ways[MAX_WAYS];
static int way_count;
static struct entry entries[MAX_ENTRIES];
static int entry_count;
static bool in_user_namespace;
static char *mounts[MAX_MOUNTS]; /* the host's mount points, parents first */
static int mount_count;

static void join(char *into, const char *folder, const char *name)
{
	if ((size_t)snprintf(into, PATH_MAX, "%s%s%s", folder, *name == '/' ? "" : "/", name) >= PATH_MAX)
		fatal("path too long: %s/%s", folder, name);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fatal("cannot write %s: %s", path, strerror(errno));
	close(fd);
}

/* ---- namespaces ---- */

static void unshare_namespaces(void)
{
	int wanted = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (unshare(wanted) == 0)
		return;
	if (unshare(wanted | CLONE_NEWUSER) != 0)
		fatal("cannot make namespaces: %s", strerror(errno));
	in_user_namespace = true;
	/* The same numbers inside: code that is not root does not try what only root can, such as changing owners. */
	char line[64];
	write_file("/proc/self/setgroups", "deny");
	snprintf(line, sizeof line, "%u %u 1", (unsigned)uid, (unsigned)uid);
	write_file("/proc/self/uid_map", line);
	snprintf(line, sizeof line, "%u %u 1", (unsigned)gid, (unsigned)gid);
	write_file("/proc/self/gid_map", line);
}

/* The first process enters the namespaces' making; its child is their process 1. Each dies with its parent. */
static void become_first(void)
{
	pid_t child = fork();
	if (child < 0)
		fatal("cannot start process 1: %s", strerror(errno));
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		return;
	}
	close(wire_in); /* else the worker would not see process 1 end */
	if (wire_out != wire_in)
		close(wire_out);
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* What container engines leave to root by default, without making devices. */
static void drop_capabilities(void)
{
	static const int kept[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FSETID,           CAP_FOWNER,     CAP_NET_RAW,
	                           CAP_SETGID, CAP_SETUID,       CAP_SETFCAP,          CAP_SETPCAP,    CAP_KILL,
	                           CAP_NET_BIND_SERVICE,         CAP_SYS_CHROOT,       CAP_AUDIT_WRITE};
	for (int cap = 0; cap < 64; cap++) {
		bool keep = false;
		for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
			keep = keep || kept[i] == cap;
		if (!keep && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno == EINVAL)
			return; /* beyond the last one this kernel knows */
	}
}

/* ---- the host's files ---- */

static void read_mounts(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[8192], path[PATH_MAX];
	if (file == NULL)
		fatal("cannot read /proc/self/mountinfo: %s", strerror(errno));
	while (mount_count < MAX_MOUNTS && fgets(line, sizeof line, file) != NULL) {
		if (sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			continue;
		char *to = path;
		for (const char *from = path; *from != 0;) { /* blanks and the like stand there in octal */
			unsigned code;
			if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
				*to++ = (char)code;
				from += 4;
			} else {
				*to++ = *from++;
			}
		}
		*to = 0;
		if ((mounts[mount_count++] = strdup(path)) == NULL)
			fatal("out of memory");
	}
	fclose(file);
}

static bool below(const char *path, const char *folder)
{
	size_t size = strlen(folder);
	return strncmp(path, folder, size) == 0 && path[size] == '/';
}

static bool within(const char *path, const char *folder)
{
	return strcmp(path, folder) == 0 || below(path, folder);
}

static bool within_any(const char *path, char **folders, int count)
{
	for (int i = 0; i < count; i++)
		if (within(path, folders[i]))
			return true;
	return false;
}

static bool set_read_only(const char *path)
{
	struct { uint64_t set, clear, propagation, user_namespace; } attributes = {SET_READ_ONLY, 0, 0, 0};
	if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof attributes) == 0)
		return true;
	return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0;
}

static bool bind_read_only(const char *from, const char *to)
{
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0 && set_read_only(to);
}

/* All that is taken from the host is named relative to its root, where we are while we build: the same names lead there
 * before and after the sandbox is entered. */
static void in_host(char *into, const char *path)
{
	join(into, ".", path);
}

static void in_scratch(char *into, const char *kind, int number)
{
	if ((size_t)snprintf(into, PATH_MAX, ".%s/%s/%d", scratch, kind, number) >= PATH_MAX)
		fatal("path too long: %s", scratch);
}

static void enter_host(void)
{
	if (fchdir(host_fd) != 0)
		fatal("cannot enter the host's root: %s", strerror(errno));
}

static void leave_host(void)
{
	if (chdir("/") != 0)
		fatal("cannot leave the host's root: %s", strerror(errno));
}

/* A folder for writes that looks as the folder of the host does: same owner, mode and time. A write shows as another
 * time, so that one look tells whether there was any. */
static bool make_upper(const char *upper, const struct stat *like)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, like->st_mtim};
	if (mkdir(upper, 0700) != 0 || (chown(upper, like->st_uid, like->st_gid) != 0 && !in_user_namespace))
		return false;
	chmod(upper, like->st_mode & 07777);
	return utimensat(AT_FDCWD, upper, times, 0) == 0;
}

static bool overlay(const char *from, const char *to, const char *top)
{
	static const char *const options[] = {"volatile,", ""}; /* writes are thrown away: never wait for a disk */
	char upper[PATH_MAX], work[PATH_MAX], data[3 * PATH_MAX + 64];
	struct stat st;
	if (strpbrk(from, ":,\\") != NULL || strpbrk(scratch, ":,\\") != NULL || layer_count == MAX_MOUNTS)
		return false;
	struct layer *layer = &layers[layer_count];
	*layer = (struct layer){.number = layer_number++, .top = top};
	in_scratch(upper, "upper", layer->number);
	in_scratch(work, "work", layer->number);
	if (stat(from, &st) != 0 || !make_upper(upper, &st) || mkdir(work, 0700) != 0)
		return false;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		snprintf(data, sizeof data, "%s%slowerdir=%s,upperdir=%s,workdir=%s", options[i],
		         in_user_namespace ? "userxattr," : "", from, upper, work);
		if (mount("overlay", to, "overlay", 0, data) == 0 && stat(upper, &layer->before) == 0) {
			layer_count++;
			return true;
		}
	}
	return false;
}

/* Show what is at `from` at `path` of the sandbox, with throw-away writes where that can be. What cannot be shown is left
 * out: there are mounts that not even root may enter. Returns whether it can be written to. */
static bool place(const char *from, const char *path, const char *top)
{
	char target[PATH_MAX];
	struct stat st;
	join(target, root, path);
	if (stat(from, &st) != 0)
		return false;
	if (S_ISDIR(st.st_mode) && overlay(from, target, top))
		return true;
	bind_read_only(from, target);
	return false;
}

static void place_mounts(const char *folder, const char *top, bool covered)
{
	char from[PATH_MAX];
	for (int i = 0; i < mount_count; i++) {
		if (!below(mounts[i], folder) || below(mounts[i], scratch) ||
		    within_any(mounts[i], given->hide, given->hide_count) ||
		    (!covered && within_any(mounts[i], given->cover, given->cover_count)))
			continue;
		in_host(from, mounts[i]);
		place(from, mounts[i], top);
	}
}

/* The folder that a cover shows instead of the host's: empty but for the ways to what is shown in it. */
static int cover_of(const char *path)
{
	for (int i = 0; i < given->cover_count; i++)
		if (strcmp(given->cover[i], path) == 0)
			return i;
	return -1;
}

static bool place_cover(int cover)
{
	char from[PATH_MAX], target[PATH_MAX];
	struct stat st;
	in_scratch(from, "cover", cover);
	join(target, root, given->cover[cover]);
	if (stat(target, &st) != 0)
		return false;
	if (mount(from, target, NULL, MS_BIND, NULL) != 0)
		fatal("cannot cover %s in the sandbox: %s", given->cover[cover], strerror(errno));
	return true;
}

static void hide(const char *path)
{
	char target[PATH_MAX], nothing[PATH_MAX];
	struct stat st;
	join(target, root, path);
	if (lstat(target, &st) != 0)
		return;
	in_scratch(nothing, "nothing", 0);
	bool done = S_ISDIR(st.st_mode) ? bind_read_only(nothing, target)
	                                : mount("./dev/null", target, NULL, MS_BIND, NULL) == 0;
	if (!done)
		fatal("cannot hide %s from the sandbox: %s", path, strerror(errno));
}

/* Show one top-level folder of the host at the same place of the new root: what is mounted below it, the covers of what
 * is hidden but for parts of it, those parts, and what hides the rest. */
static bool graft(const char *top)
{
	char from[PATH_MAX], target[PATH_MAX];
	int cover = cover_of(top);
	join(target, root, top);
	in_host(from, top);
	if (access(from, X_OK) != 0)
		in_scratch(from, "nothing", 0);
	bool writable = cover >= 0 ? place_cover(cover) : place(from, top, top);
	/* One that is read-only has all that is mounted below it already. */
	if (cover < 0 && writable)
		place_mounts(top, top, false);
	for (int i = 0; i < given->cover_count; i++)
		if (below(given->cover[i], top))
			place_cover(i);
	for (int i = 0; i < given->show_count; i++) {
		if (!within(given->show[i], top) || !within_any(given->show[i], given->cover, given->cover_count))
			continue;
		in_host(from, given->show[i]);
		if (place(from, given->show[i], top))
			place_mounts(given->show[i], top, true);
	}
	for (int i = 0; i < given->hide_count; i++)
		if (within(given->hide[i], top))
			hide(given->hide[i]);
	return writable;
}

static bool is_way(const char *path)
{
	for (int i = 0; i < way_count; i++)
		if (strcmp(ways[i].path, path) == 0)
			return true;
	return false;
}

static bool keeps_ways(const char *folder, const char *name)
{
	char path[PATH_MAX];
	join(path, folder, name);
	return is_way(path);
}

static void note_way(int number)
{
	if (stat(ways[number].path, &ways[number].before) != 0)
		fatal("cannot look at %s: %s", ways[number].path, strerror(errno));
}

static void dress_way(const struct way *way)
{
	/* Owners cannot be given in a user namespace, where all that is ours is the user's anyway. */
	if (chown(way->path, way->uid, way->gid) != 0 && !in_user_namespace)
		fatal("cannot give %s to its owner: %s", way->path, strerror(errno));
	chmod(way->path, way->mode);
}

static void add_way(const char *path, const struct stat *like, bool folder)
{
	if (is_way(path))
		return;
	if (way_count == MAX_WAYS)
		fatal("too much is to be shown in home folders");
	if (S_ISDIR(like->st_mode)) {
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			fatal("cannot make %s: %s", path, strerror(errno));
	} else {
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
	struct way *way = &ways[way_count++];
	*way = (struct way){strdup(path), folder, like->st_mode & 07777, like->st_uid, like->st_gid, {0}};
	if (way->path == NULL)
		fatal("out of memory");
	dress_way(way);
}

/* Make the way to `path` in a folder that shows a cover: folders that look as the host's. */
static void make_way(int cover, const char *path, bool shown)
{
	char from[PATH_MAX], to[PATH_MAX], part[PATH_MAX], folder[PATH_MAX];
	struct stat st;
	in_scratch(folder, "cover", cover);
	snprintf(part, sizeof part, "%s", path);
	for (char *end = part + strlen(given->cover[cover]); end != NULL && *end != 0;) {
		end = strchr(end + 1, '/');
		if (end != NULL)
			*end = 0;
		in_host(from, part);
		join(to, folder, part + strlen(given->cover[cover]));
		if (stat(from, &st) != 0)
			return; /* there is nothing to show */
		add_way(to, &st, end != NULL || !shown);
		if (end != NULL)
			*end = '/';
	}
}

static void make_covers(void)
{
	char path[PATH_MAX];
	for (int i = 0; i < given->cover_count; i++) {
		struct stat st;
		in_host(path, given->cover[i]);
		if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
			st = (struct stat){.st_mode = S_IFDIR | 0755, .st_uid = geteuid(), .st_gid = getegid()};
		in_scratch(path, "cover", i);
		add_way(path, &st, true);
		for (int j = 0; j < given->show_count; j++)
			if (below(given->show[j], given->cover[i]))
				make_way(i, given->show[j], true);
		for (int j = 0; j < given->own_count; j++)
			if (below(given->own[j], given->cover[i]))
				make_way(i, given->own[j], false);
	}
	for (int i = 0; i < way_count; i++)
		note_way(i);
}

static void show_host(struct view *view)
{
	static const char *const own[] = {".", "..", "dev", "pfs", "proc", "sys", "tmp"};
	DIR *host = opendir("/");
	struct dirent *found;
	if (host == NULL)
		fatal("cannot read /: %s", strerror(errno));
	while ((found = readdir(host)) != NULL && entry_count < MAX_ENTRIES) {
		char path[PATH_MAX], target[PATH_MAX], link[PATH_MAX] = {0};
		struct stat st;
		bool skip = false;
		for (size_t i = 0; i < sizeof own / sizeof *own; i++)
			skip = skip || strcmp(found->d_name, own[i]) == 0;
		join(path, "", found->d_name);
		if (skip || lstat(path, &st) != 0)
			continue;
		join(target, root, path);
		struct entry *entry = &entries[entry_count];
		*entry = (struct entry){.path = strdup(path)};
		if (entry->path == NULL)
			fatal("out of memory");
		if (S_ISLNK(st.st_mode) && readlink(path, link, sizeof link - 1) > 0) {
			if ((entry->link = strdup(link)) == NULL || symlink(link, target) != 0)
				fatal("cannot make %s in the sandbox: %s", path, strerror(errno));
		} else if (S_ISDIR(st.st_mode)) {
			mkdir(target, 0755);
			if (graft(entry->path))
				view->kept++;
			else
				view->read_only++;
		} else if (S_ISREG(st.st_mode)) {
			char from[PATH_MAX];
			in_host(from, path);
			close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
			bind_read_only(from, target);
		} else {
			continue;
		}
		entry_count++;
	}
	closedir(host);
}

/* ---- what is the sandbox's own ---- */

static void make_folder(const char *name, mode_t mode, char *path)
{
	join(path, root, name);
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		fatal("cannot make %s in the sandbox: %s", name, strerror(errno));
	chmod(path, mode);
}

static void mount_tmpfs(const char *path, const char *options)
{
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) != 0)
		fatal("cannot mount a tmpfs at %s: %s", path, strerror(errno));
}

static void show_devices(void)
{
	char path[PATH_MAX];
	make_folder("dev", 0755, path);
	if (!bind_read_only("/dev", path)) /* devices can still be written to: they are no part of a file system */
		fatal("cannot show /dev in the sandbox: %s", strerror(errno));
	join(path, root, "dev/shm");
	if (access(path, F_OK) == 0)
		mount_tmpfs(path, "mode=1777");
	make_folder("sys", 0755, path);
	bind_read_only("/sys", path);
}

static void show_processes(void)
{
	/* The kernel's settings are the host's. */
	static const char *const settings[] = {"proc/sys", "proc/sysrq-trigger", "proc/irq", "proc/bus", "proc/fs"};
	char path[PATH_MAX];
	make_folder("proc", 0555, path);
	if (mount("proc", path, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
		fatal("cannot mount /proc for the sandbox: %s", strerror(errno));
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		join(path, root, settings[i]);
		if (access(path, F_OK) == 0)
			bind_read_only(path, path);
	}
}

static void show_temporary(void)
{
	char from[PATH_MAX], to[PATH_MAX];
	join(from, scratch, "tmp");
	if (mkdir(from, 01777) != 0)
		fatal("cannot make %s: %s", from, strerror(errno));
	chmod(from, 01777);
	make_folder("tmp", 01777, to);
	if (mount(from, to, NULL, MS_BIND, NULL) != 0)
		fatal("cannot show a /tmp of its own: %s", strerror(errno));
	for (int i = 0; i < given->show_count; i++) {
		if (!below(given->show[i], "/tmp"))
			continue;
		join(to, root, given->show[i]);
		if (mkdir(to, 0755) != 0 || !bind_read_only(given->show[i], to))
			fatal("cannot show %s in the sandbox: %s", given->show[i], strerror(errno));
	}
}

/* The host's root and the folder of datums lie at /pfs with a cover on them, on which single datums are shown: they stay
 * part of this namespace, which mounting from them needs, and nobody but process 1 has a way to them. */
static void change_root(void)
{
	char path[PATH_MAX];
	make_folder("pfs", 0755, path);
	if (chdir(root) != 0 || syscall(SYS_pivot_root, ".", "pfs") != 0 || chdir("/") != 0)
		fatal("cannot enter the sandbox: %s", strerror(errno));
	root[0] = 0;
	if ((host_fd = open("/pfs", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		fatal("cannot open the host's root: %s", strerror(errno));
	enter_host();
	in_host(path, given->stage);
	if (mount(path, "/pfs", NULL, MS_BIND, NULL) != 0)
		fatal("cannot show %s: %s", given->stage, strerror(errno));
	if ((stage_fd = open("/pfs", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		fatal("cannot open %s: %s", given->stage, strerror(errno));
	leave_host();
	mount_tmpfs("/pfs", "mode=755,size=4k");
	if (set_read_only("/pfs") == false)
		fatal("cannot cover the folder of datums: %s", strerror(errno));
}

/* What stands in / itself is few entries in memory, which are looked at when its time is another one. */
static void note_root(void)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
	if (utimensat(AT_FDCWD, "/", times, 0) != 0 || stat("/", &root_before) != 0)
		fatal("cannot look at /: %s", strerror(errno));
}

void enter_sandbox(const struct sandbox *sandbox, struct view *view)
{
	static const char *const folders[] = {"root", "upper", "work", "cover", "nothing", "nothing/0"};
	umask(022);
	given = sandbox;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	unshare_namespaces();
	become_first();
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		fatal("cannot make mounts private: %s", strerror(errno));
	read_mounts();
	if (realpath(sandbox->scratch, scratch) == NULL)
		fatal("cannot use %s: %s", sandbox->scratch, strerror(errno));
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		join(root, scratch, folders[i]);
		if (mkdir(root, 0755) != 0)
			fatal("cannot make %s: %s", root, strerror(errno));
	}
	join(root, scratch, "root");
	mount_tmpfs(root, "mode=755");
	view->sandboxed = true;
	view->user_namespace = in_user_namespace;
	leave_host(); /* to /, which is the host's still */
	make_covers();
	show_host(view);
	show_devices();
	show_processes();
	show_temporary();
	change_root();
	note_own("/");
	note_root();
	drop_capabilities();
	umask(0022);
}

/* ---- fresh again ---- */

static bool changed(const struct stat *before, const struct stat *now)
{
	return before->st_mtim.tv_sec != now->st_mtim.tv_sec || before->st_mtim.tv_nsec != now->st_mtim.tv_nsec ||
	       before->st_ctim.tv_sec != now->st_ctim.tv_sec || before->st_ctim.tv_nsec != now->st_ctim.tv_nsec;
}

static bool written_below(const char *top)
{
	char upper[PATH_MAX];
	for (int i = 0; i < layer_count; i++) {
		struct stat now;
		in_scratch(upper, "upper", layers[i].number);
		if (layers[i].top == top && (stat(upper, &now) != 0 || changed(&layers[i].before, &now)))
			return true;
	}
	return false;
}

static void forget_layers(const char *top)
{
	char path[PATH_MAX];
	int kept = 0, gone = 0;
	static int numbers[MAX_MOUNTS];
	for (int i = 0; i < layer_count; i++)
		if (layers[i].top == top)
			numbers[gone++] = layers[i].number;
		else
			layers[kept++] = layers[i];
	layer_count = kept;
	for (int i = 0; i < gone; i++) {
		static const char *const kinds[] = {"upper", "work"};
		for (size_t j = 0; j < sizeof kinds / sizeof *kinds; j++) {
			in_scratch(path, kinds[j], numbers[i]);
			if (!remove_folder(path))
				fatal("cannot remove what was written below %s: %s", top, strerror(errno));
		}
	}
}

/* Show a top-level folder anew, and remove what was written there. */
static void renew(const char *top)
{
	if (umount2(top, MNT_DETACH) != 0)
		fatal("cannot clear %s: %s", top, strerror(errno));
	forget_layers(top);
	graft(top);
}

static void renew_root(void)
{
	struct stat now;
	char link[PATH_MAX];
	if (stat("/", &now) == 0 && !changed(&root_before, &now))
		return;
	for (int i = 0; i < entry_count; i++) {
		const char *path = entries[i].path, *to = entries[i].link;
		if (to == NULL)
			continue;
		ssize_t size = readlink(path, link, sizeof link - 1);
		link[size > 0 ? size : 0] = 0;
		if (strcmp(link, to) == 0)
			continue;
		if (unlink(path) != 0 && errno != ENOENT && !remove_folder(path))
			fatal("cannot remove %s: %s", path, strerror(errno));
		if (symlink(to, path) != 0)
			fatal("cannot make %s again: %s", path, strerror(errno));
	}
	if (!empty_folder("/", 0755, is_own) || chown("/", geteuid(), getegid()) != 0)
		fatal("cannot clear /: %s", strerror(errno));
	note_root();
}

static bool has_cover(const char *top)
{
	for (int i = 0; i < given->cover_count; i++)
		if (within(given->cover[i], top))
			return true;
	return false;
}

static void renew_all_covers(void)
{
	char path[PATH_MAX];
	for (int i = 0; i < entry_count; i++)
		if (entries[i].link == NULL && has_cover(entries[i].path) && umount2(entries[i].path, MNT_DETACH) != 0)
			fatal("cannot clear %s: %s", entries[i].path, strerror(errno));
	for (int i = 0; i < given->cover_count; i++) {
		in_scratch(path, "cover", i);
		if (!remove_folder(path))
			fatal("cannot empty %s: %s", given->cover[i], strerror(errno));
	}
	while (way_count > 0)
		free(ways[--way_count].path);
	make_covers();
	for (int i = 0; i < entry_count; i++)
		if (entries[i].link == NULL && has_cover(entries[i].path)) {
			forget_layers(entries[i].path);
			graft(entries[i].path);
		}
}

/* Empty the folders that covers show, of which those to what is shown in them stay. Where user code has moved such a
 * one away with what is shown in it, it is made again, and shown anew. */
static void renew_covers(void)
{
	bool moved = false;
	for (int i = 0; i < way_count; i++) {
		struct way *way = &ways[i];
		struct stat now;
		if (lstat(way->path, &now) != 0 || (now.st_mode & S_IFMT) != (way->before.st_mode & S_IFMT) ||
		    now.st_ino != way->before.st_ino) {
			moved = true;
			break;
		}
		if (!way->folder || !changed(&way->before, &now))
			continue;
		if (!empty_folder(way->path, (int)way->mode, keeps_ways)) {
			moved = true;
			break;
		}
		dress_way(way);
		note_way(i);
	}
	if (moved)
		renew_all_covers();
}

void renew_host(void)
{
	enter_host();
	renew_covers();
	for (int i = 0; i < entry_count; i++)
		if (entries[i].link == NULL && written_below(entries[i].path))
			renew(entries[i].path);
	leave_host();
	renew_root();
	/* Shared memory, semaphores and queues of System V live on without any process. The kernel takes a moment to free
	 * the namespaces that were left, and limits how many there are. */
	for (int tries = 1; unshare(CLONE_NEWIPC) != 0; tries++) {
		if (tries == IPC_TRIES || (errno != ENOSPC && errno != ENOMEM))
			fatal("cannot make an IPC namespace: %s", strerror(errno));
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
}

void show_folder(const char *folder)
{
	if (fchdir(stage_fd) != 0 || mount(folder, "/pfs", NULL, MS_BIND, NULL) != 0)
		fatal("cannot show %s at /pfs: %s", folder, strerror(errno));
	if (chdir("/") != 0)
		fatal("cannot leave the folder of datums: %s", strerror(errno));
}

void unshow_folder(void)
{
	if (umount2("/pfs", MNT_DETACH) != 0)
		fatal("cannot clear /pfs: %s", strerror(errno));
}
