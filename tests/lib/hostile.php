<?php
// What a user's code can do to the daemon with the descriptors of its own
// processor: everything the C library can, by FFI.  Used by 09-hostile-processor.t.

const MAGIC_REQUEST = "1ERP";           // struct envelope's magic, as bytes
const MAGIC_COMPLETION = 0x50524331;
const KIND_LOG = 1, KIND_ANSWER = 2, KIND_SERVED = 3, KIND_DONE = 4;
const ANSWER_NONE = 0, ANSWER_INLINE = 1, ANSWER_MEMORY = 2, ANSWER_STREAM = 3, ANSWER_FAILED = 4;

$c = FFI::cdef('
	typedef long ssize_t;
	struct iovec { void *base; size_t len; };
	struct msghdr { void *name; unsigned namelen; struct iovec *iov; size_t iovlen;
		void *control; size_t controllen; int flags; };
	ssize_t send(int, const void *, size_t, int);
	ssize_t recv(int, void *, size_t, int);
	ssize_t sendmsg(int, const struct msghdr *, int);
	ssize_t recvmsg(int, struct msghdr *, int);
	ssize_t write(int, const void *, size_t);
	ssize_t pwrite(int, const void *, size_t, long);
	int ftruncate(int, long);
	int getsockopt(int, int, int, void *, unsigned *);
	int setsockopt(int, int, int, const void *, unsigned);
	int getpeername(int, void *, unsigned *);
	int shutdown(int, int);
	int dup(int);
	int close(int);
	int fcntl(int, int, long);
	int socketpair(int, int, int, int *);
	int fork(void);
	int usleep(unsigned);
	void _exit(int);
	int kill(int, int);
	int getpid(void);
');

/* Descriptors that are sockets of that type (1 stream, 5 seqpacket) and family. */
function sockets(int $wanted, int $family = 1): array
{
	global $c;
	$found = [];
	for ($fd = 0; $fd < 256; $fd++) {
		$type = FFI::new('int'); $domain = FFI::new('int');
		$len = FFI::new('unsigned'); $len->cdata = 4;
		if ($c->getsockopt($fd, 1, 3, FFI::addr($type), FFI::addr($len)) != 0)
			continue;
		$len->cdata = 4;
		$c->getsockopt($fd, 1, 39, FFI::addr($domain), FFI::addr($len));
		if ($type->cdata == $wanted && $domain->cdata == $family)
			$found[] = $fd;
	}
	return $found;
}

function channel(): int
{
	return sockets(5)[0] ?? -1;
}

/* The memory that was lent for the answer. */
function memories(): array
{
	$found = [];
	foreach (glob('/proc/self/fd/*') as $path)
		if (str_starts_with((string)@readlink($path), '/memfd:'))
			$found[] = (int)basename($path);
	return $found;
}

/* What we were given last, out of our own memory: [nonce, connection, vhost]. */
function envelope(): ?array
{
	foreach (file('/proc/self/maps') as $line) {
		if (!preg_match('/^([0-9a-f]+)-([0-9a-f]+) rw.p \S+ \S+ \S+ +(.*)$/', $line, $m)
		    || preg_match('/zend|dev|vvar|vdso/', $m[3]))
			continue;
		$from = hexdec($m[1]); $size = hexdec($m[2]) - $from;
		if ($size > 1 << 25)
			continue;
		$bytes = FFI::string(FFI::cast('char *', $from), $size);
		for ($at = -1; ($at = strpos($bytes, MAGIC_REQUEST, $at + 1)) !== false;) {
			$e = @unpack('Vmagic/Ckind/Clender/vflags/Pnonce/Vconnection/Vvhost/Vvars/Vbody/Vrest/Vtimeout', substr($bytes, $at, 64));
			if ($e && $e['kind'] == 1 && $e['flags'] < 128 && $e['nonce'] != 0 && $e['vars'] > 100 && $e['vars'] < 81920
			    && str_contains(substr($bytes, $at + 56, $e['vars'] + 64), 'GATEWAY_INTERFACE'))
				return [$e['nonce'], $e['connection'], $e['vhost']];
		}
	}
	return null;
}

function completion(int $kind, int $answer, int $nonce, int $connection, string $data = '', array $more = []): string
{
	$more += ['magic' => MAGIC_COMPLETION, 'flags' => 0, 'status' => 200, 'data_len' => strlen($data),
	    'answer_len' => $answer == ANSWER_INLINE ? strlen($data) : 0, 'sent' => 0];
	return pack('VCCvPVvvVVVVPP', $more['magic'], $kind, $answer, $more['flags'], $nonce, $connection,
	    $more['status'], 0, $more['data_len'], 0, 0, 0, $more['answer_len'], $more['sent']) . $data;
}

/* Send bytes on a descriptor without waiting; bytes sent or -1. */
function say(int $fd, string $bytes): int
{
	global $c;
	return $c->send($fd, $bytes, strlen($bytes), 0x40 | 0x4000);
}

/* Send bytes with a descriptor attached. */
function say_with(int $fd, string $bytes, int $gift): int
{
	global $c;
	$data = FFI::new('char[' . strlen($bytes) . ']');
	FFI::memcpy($data, $bytes, strlen($bytes));
	$iov = $c->new('struct iovec');
	$iov->base = FFI::cast('void *', FFI::addr($data)); $iov->len = strlen($bytes);
	$control = FFI::new('char[24]');
	$packed = pack('PVVVV', 20, 1, 1, $gift, 0);
	FFI::memcpy($control, $packed, 24);
	$msg = $c->new('struct msghdr');
	$msg->iov = FFI::addr($iov); $msg->iovlen = 1;
	$msg->control = FFI::cast('void *', FFI::addr($control)); $msg->controllen = 24;
	return $c->sendmsg($fd, FFI::addr($msg), 0x40 | 0x4000);
}

/* Leave a child behind that holds all that we hold; it runs the code, then goes. */
function leave_behind(callable $code): void
{
	global $c;
	if ($c->fork() == 0) {
		try { $code(); } catch (Throwable $e) { }
		$c->_exit(0);
	}
}
