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
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define SET_READ_ONLY 1u /* MOUNT_ATTR_RDONLY */
#define MAX_MOUNTS 4096

static int stage_fd = -1;        /* the worker's folder of datums, below the cover at /pfs */
static char root[PATH_MAX];      /* the new root while it is built */
static const char *scratch;
static int layers;               /* overlays made so far; each has its own folder of writes */
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

static bool overlay(const char *from, const char *to)
{
	static const char *const options[] = {"volatile,", ""}; /* writes are thrown away: never wait for a disk */
	char upper[PATH_MAX], work[PATH_MAX], name[32], data[3 * PATH_MAX + 64];
	struct stat st;
	if (strpbrk(from, ":,\\") != NULL || strpbrk(scratch, ":,\\") != NULL)
		return false;
	snprintf(name, sizeof name, "upper/%d", layers);
	join(upper, scratch, name);
	snprintf(name, sizeof name, "work/%d", layers++);
	join(work, scratch, name);
	if (stat(from, &st) != 0 || mkdir(upper, 0700) != 0 || mkdir(work, 0700) != 0)
		return false;
	/* The folder itself looks as the upper one does. */
	if (chown(upper, st.st_uid, st.st_gid) != 0 && !in_user_namespace)
		return false;
	chmod(upper, st.st_mode & 07777);
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		snprintf(data, sizeof data, "%s%slowerdir=%s,upperdir=%s,workdir=%s", options[i],
		         in_user_namespace ? "userxattr," : "", from, upper, work);
		if (mount("overlay", to, "overlay", 0, data) == 0)
			return true;
	}
	return false;
}

/* Show one folder of the host at the same place of the new root, and what is mounted below it. */
static void graft(const char *path, struct view *view)
{
	char target[PATH_MAX];
	join(target, root, path);
	if (!overlay(path, target)) {
		if (!bind_read_only(path, target))
			fatal("cannot show %s in the sandbox: %s", path, strerror(errno));
		view->read_only++;
		return; /* with all that is mounted below it */
	}
	view->kept++;
	for (int i = 0; i < mount_count; i++) {
		struct stat st;
		if (!below(mounts[i], path) || below(mounts[i], scratch))
			continue;
		join(target, root, mounts[i]);
		/* What cannot be shown is left out: there are mounts that not even root may enter. */
		if (stat(mounts[i], &st) == 0 && (!S_ISDIR(st.st_mode) || !overlay(mounts[i], target)))
			bind_read_only(mounts[i], target);
	}
}

static void show_host(struct view *view)
{
	static const char *const own[] = {".", "..", "dev", "pfs", "proc", "sys", "tmp"};
	DIR *host = opendir("/");
	struct dirent *entry;
	if (host == NULL)
		fatal("cannot read /: %s", strerror(errno));
	while ((entry = readdir(host)) != NULL) {
		char path[PATH_MAX], target[PATH_MAX], link[PATH_MAX] = {0};
		struct stat st;
		bool skip = false;
		for (size_t i = 0; i < sizeof own / sizeof *own; i++)
			skip = skip || strcmp(entry->d_name, own[i]) == 0;
		join(path, "/", entry->d_name);
		memmove(path, path + 1, strlen(path)); /* "//name" */
		if (skip || lstat(path, &st) != 0)
			continue;
		join(target, root, path);
		if (S_ISLNK(st.st_mode) && readlink(path, link, sizeof link - 1) > 0) {
			if (symlink(link, target) != 0)
				fatal("cannot make %s in the sandbox: %s", path, strerror(errno));
		} else if (S_ISDIR(st.st_mode)) {
			mkdir(target, 0755);
			if (access(path, X_OK) == 0)
				graft(path, view);
		} else if (S_ISREG(st.st_mode)) {
			close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
			bind_read_only(path, target);
		}
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

static void show_temporary(const struct sandbox *sandbox)
{
	char from[PATH_MAX], to[PATH_MAX];
	join(from, scratch, "tmp");
	if (mkdir(from, 01777) != 0)
		fatal("cannot make %s: %s", from, strerror(errno));
	chmod(from, 01777);
	make_folder("tmp", 01777, to);
	if (mount(from, to, NULL, MS_BIND, NULL) != 0)
		fatal("cannot show a /tmp of its own: %s", strerror(errno));
	for (int i = 0; i < sandbox->show_count; i++) {
		join(to, root, sandbox->show[i]);
		if (mkdir(to, 0755) != 0 || !bind_read_only(sandbox->show[i], to))
			fatal("cannot show %s in the sandbox: %s", sandbox->show[i], strerror(errno));
	}
}

/* The folder of datums lies at /pfs with a cover on it, on which single datums are shown: it stays part of this
 * namespace, which binding from it needs, and nobody but process 1 has a way to it. */
static void show_stage(const char *stage)
{
	char path[PATH_MAX];
	make_folder("pfs", 0755, path);
	if (mount(stage, path, NULL, MS_BIND, NULL) != 0)
		fatal("cannot show %s: %s", stage, strerror(errno));
	stage_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (stage_fd < 0)
		fatal("cannot open %s: %s", stage, strerror(errno));
	mount_tmpfs(path, "mode=755,size=4k");
}

static void hide(const char *path, const char *nothing)
{
	char target[PATH_MAX];
	struct stat st;
	join(target, root, path);
	if (lstat(target, &st) != 0)
		return;
	bool done = S_ISDIR(st.st_mode) ? mount(nothing, target, NULL, MS_BIND, NULL) == 0
	                                : mount("/dev/null", target, NULL, MS_BIND, NULL) == 0;
	if (!done)
		fatal("cannot hide %s from the sandbox: %s", path, strerror(errno));
}

static void hide_all(const struct sandbox *sandbox)
{
	char nothing[PATH_MAX];
	join(nothing, scratch, "nothing");
	mkdir(nothing, 0755);
	mount_tmpfs(nothing, "mode=555,size=4k");
	for (int i = 0; i < sandbox->hide_count; i++)
		hide(sandbox->hide[i], nothing);
	umount2(nothing, MNT_DETACH); /* its binds live on */
}

static void change_root(void)
{
	if (chdir(root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		fatal("cannot enter the sandbox: %s", strerror(errno));
}

void enter_sandbox(const struct sandbox *sandbox, struct view *view)
{
	static const char *const folders[] = {"root", "upper", "work"};
	umask(022);
	scratch = sandbox->scratch;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	unshare_namespaces();
	become_first();
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		fatal("cannot make mounts private: %s", strerror(errno));
	read_mounts();
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		join(root, scratch, folders[i]);
		if (mkdir(root, 0755) != 0)
			fatal("cannot make %s: %s", root, strerror(errno));
	}
	join(root, scratch, "root");
	mount_tmpfs(root, "mode=755");
	view->sandboxed = true;
	view->user_namespace = in_user_namespace;
	show_host(view);
	show_devices();
	show_processes();
	show_temporary(sandbox);
	show_stage(sandbox->stage);
	hide_all(sandbox);
	change_root();
	drop_capabilities();
	umask(0022);
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
