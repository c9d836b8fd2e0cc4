/* Frames: length (4 bytes, of the payload), kind (1 byte), payload. Integers are little-endian, as both machines are.
 * Text is its length (4 bytes), its bytes, and a NUL that the length does not count, so that it can be used in place. */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD 5

int wire_in = -1, wire_out = -1;

static uint8_t pending[HEAD + PIECE];
static size_t pending_at, pending_end;

void wire_use(int in, int out)
{
	wire_in = in;
	wire_out = out;
	/* Only writing must never block while a command runs: its time limit would not be kept. */
	if (in != out)
		fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
}

static bool read_all(void *into, size_t size)
{
	uint8_t *at = into;
	while (size > 0) {
		ssize_t n = read(wire_in, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

bool read_frame(struct frame *frame)
{
	static uint8_t *room;
	static size_t room_size;
	uint8_t head[HEAD];
	if (!read_all(head, HEAD))
		return false;
	memcpy(&frame->size, head, 4);
	frame->kind = head[4];
	if (frame->size > MAX_FRAME)
		fatal("a frame of %u bytes is too large", frame->size);
	if (frame->size > room_size) {
		free(room);
		room = malloc(frame->size);
		if (room == NULL)
			fatal("out of memory");
		room_size = frame->size;
	}
	frame->data = room;
	return read_all(room, frame->size);
}

bool wire_idle(void)
{
	return pending_at == pending_end;
}


static ssize_t write_now(const uint8_t *data, size_t size)
{
	if (wire_in != wire_out)
		return write(wire_out, data, size);
	return send(wire_out, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool wire_push(void)
{
	while (pending_at < pending_end) {
		ssize_t n = write_now(pending + pending_at, pending_end - pending_at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return false;
		if (n < 0)
			_exit(0); /* the peer is gone, and with it the reason to live */
		pending_at += (size_t)n;
	}
	return true;
}

void queue_frame(uint8_t kind, const void *data, size_t size)
{
	uint32_t length = (uint32_t)size;
	memcpy(pending, &length, 4);
	pending[4] = kind;
	memcpy(pending + HEAD, data, size);
	pending_at = 0;
	pending_end = HEAD + size;
}

static void drain(void)
{
	while (!wire_push()) {
		struct pollfd wait = {.fd = wire_out, .events = POLLOUT};
		poll(&wait, 1, -1);
	}
}

void send_frame(uint8_t kind, const void *data, size_t size)
{
	drain();
	queue_frame(kind, data, size);
	drain();
}

void send_text(uint8_t kind, const char *text)
{
	uint8_t room[4096];
	struct cursor c = {room, room + sizeof room, false};
	give_text(&c, text);
	send_frame(kind, room, (size_t)(c.at - room));
}

void fatal(const char *format, ...)
{
	char text[2048];
	va_list list;
	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	if (wire_out >= 0)
		send_text('F', text);
	else
		dprintf(2, "hathi-shim: %s\n", text);
	_exit(1);
}

static uint8_t *take(struct cursor *c, size_t size)
{
	if (c->broken || (size_t)(c->end - c->at) < size) {
		c->broken = true;
		return NULL;
	}
	uint8_t *at = c->at;
	c->at += size;
	return at;
}

uint32_t take_u32(struct cursor *c)
{
	uint32_t value = 0;
	uint8_t *at = take(c, sizeof value);
	if (at != NULL)
		memcpy(&value, at, sizeof value);
	return value;
}

uint64_t take_u64(struct cursor *c)
{
	uint64_t value = 0;
	uint8_t *at = take(c, sizeof value);
	if (at != NULL)
		memcpy(&value, at, sizeof value);
	return value;
}

char *take_text(struct cursor *c, uint32_t *size)
{
	static char none[1];
	uint32_t length = take_u32(c);
	uint8_t *at = take(c, (size_t)length + 1);
	if (at == NULL || at[length] != 0) {
		c->broken = true;
		none[0] = 0;
		return none;
	}
	if (size != NULL)
		*size = length;
	return (char *)at;
}

static void give(struct cursor *c, const void *data, size_t size)
{
	if ((size_t)(c->end - c->at) < size) {
		c->broken = true;
		return;
	}
	memcpy(c->at, data, size);
	c->at += size;
}

void give_u32(struct cursor *c, uint32_t value)
{
	give(c, &value, sizeof value);
}

void give_u64(struct cursor *c, uint64_t value)
{
	give(c, &value, sizeof value);
}

void give_text(struct cursor *c, const char *text)
{
	size_t length = strlen(text);
	size_t room = (size_t)(c->end - c->at);
	if (room < 5)
		return;
	if (length > room - 5)
		length = room - 5; /* a text for a person: better cut than lost */
	give_u32(c, (uint32_t)length);
	give(c, text, length);
	give(c, "", 1);
}
