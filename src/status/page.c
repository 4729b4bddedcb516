#include <string.h>

#include "status/page.h"

#define MARK "@NONCE@"

/* Made of page.html by the build; terminated. */
extern const char page_html[];

bool
page_write(const char nonce[PAGE_NONCE], struct buf *out)
{
	const char *at = page_html, *mark;

	while ((mark = strstr(at, MARK)) != NULL) {
		if (!buf_add(out, at, (size_t)(mark - at)) || !buf_add_str(out, nonce))
			return false;
		at = mark + strlen(MARK);
	}
	return buf_add_str(out, at);
}

bool
page_policy(const char nonce[PAGE_NONCE], struct buf *out)
{
	return buf_printf(out, "Content-Security-Policy: default-src 'none'; connect-src 'self'; "
	    "img-src data:; script-src 'nonce-%s'; style-src 'nonce-%s'; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'\r\n", nonce, nonce);
}
