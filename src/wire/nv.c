#include <string.h>

#include <peruserd/nv.h>

/* FastCGI 1.0, 3.4: lengths below 128 in one byte, others in four, high bit set. */
#define SHORT_MAX 127u
#define LONG_MAX_LEN 0x7fffffffu

static size_t
length_size(size_t len)
{
	return len <= SHORT_MAX ? 1 : 4;
}

static unsigned char *
put_length(unsigned char *at, size_t len)
{
	if (len <= SHORT_MAX) {
		*at++ = (unsigned char)len;
		return at;
	}
	*at++ = (unsigned char)(0x80 | len >> 24);
	*at++ = (unsigned char)(len >> 16);
	*at++ = (unsigned char)(len >> 8);
	*at++ = (unsigned char)len;
	return at;
}

bool
nv_put(struct nv *nv, const char *name, size_t name_len, const char *value, size_t value_len)
{
	size_t room = nv->size - nv->len;
	unsigned char *at;
	size_t need;

	if (name_len > LONG_MAX_LEN || value_len > LONG_MAX_LEN)
		return false;
	need = length_size(name_len) + length_size(value_len) + name_len + value_len;
	if (need > room)
		return false;
	at = put_length(nv->data + nv->len, name_len);
	at = put_length(at, value_len);
	if (name_len > 0)
		memcpy(at, name, name_len);
	if (value_len > 0)
		memcpy(at + name_len, value, value_len);
	nv->len += need;
	return true;
}

bool
nv_put_str(struct nv *nv, const char *name, const char *value)
{
	return nv_put(nv, name, strlen(name), value, strlen(value));
}

static bool
get_length(const struct nv *nv, size_t *at, size_t *len)
{
	const unsigned char *p = nv->data + *at;
	size_t left = nv->len - *at;

	if (left < 1)
		return false;
	if (p[0] <= SHORT_MAX) {
		*len = p[0];
		*at += 1;
		return true;
	}
	if (left < 4)
		return false;
	*len = (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	*at += 4;
	return true;
}

enum nv_next
nv_next(const struct nv *nv, size_t *at, struct nv_pair *pair)
{
	size_t here = *at;

	if (here >= nv->len)
		return NV_END;
	if (!get_length(nv, &here, &pair->name_len) || !get_length(nv, &here, &pair->value_len))
		return NV_MALFORMED;
	if (pair->name_len > nv->len - here || pair->value_len > nv->len - here - pair->name_len)
		return NV_MALFORMED;
	pair->name = (const char *)nv->data + here;
	pair->value = pair->name + pair->name_len;
	*at = here + pair->name_len + pair->value_len;
	return NV_PAIR;
}

bool
nv_find(const struct nv *nv, const char *name, struct nv_pair *pair)
{
	size_t at = 0, name_len = strlen(name);

	while (nv_next(nv, &at, pair) == NV_PAIR)
		if (pair->name_len == name_len && memcmp(pair->name, name, name_len) == 0)
			return true;
	return false;
}

bool
nv_valid(const struct nv *nv)
{
	struct nv_pair pair;
	size_t at = 0;
	enum nv_next next;

	do
		next = nv_next(nv, &at, &pair);
	while (next == NV_PAIR);
	return next == NV_END;
}
