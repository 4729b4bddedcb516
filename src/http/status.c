#include <stddef.h>

#include "http/status.h"

struct status {
	int code;
	const char *reason;
	const char *explain;
};

/* The registry (RFC 9110, 15.1, and its successors), and what we ourselves answer. */
static const struct status statuses[] = {
	{ 100, "Continue", NULL },
	{ 101, "Switching Protocols", NULL },
	{ 102, "Processing", NULL },
	{ 103, "Early Hints", NULL },
	{ 200, "OK", NULL },
	{ 201, "Created", NULL },
	{ 202, "Accepted", NULL },
	{ 203, "Non-Authoritative Information", NULL },
	{ 204, "No Content", NULL },
	{ 205, "Reset Content", NULL },
	{ 206, "Partial Content", NULL },
	{ 207, "Multi-Status", NULL },
	{ 208, "Already Reported", NULL },
	{ 226, "IM Used", NULL },
	{ 300, "Multiple Choices", NULL },
	{ 301, "Moved Permanently", "This page has moved." },
	{ 302, "Found", "This page is elsewhere for now." },
	{ 303, "See Other", "The answer is on another page." },
	{ 304, "Not Modified", NULL },
	{ 305, "Use Proxy", NULL },
	{ 307, "Temporary Redirect", "This page is elsewhere for now." },
	{ 308, "Permanent Redirect", "This page has moved." },
	{ 400, "Bad Request", "The server could not understand this request." },
	{ 401, "Unauthorized", "You need to sign in to see this page." },
	{ 402, "Payment Required", NULL },
	{ 403, "Forbidden", "You may not see this page." },
	{ 404, "Not Found", "There is no such page here." },
	{ 405, "Method Not Allowed", "This page can't be used in that way." },
	{ 406, "Not Acceptable", NULL },
	{ 407, "Proxy Authentication Required", NULL },
	{ 408, "Request Timeout", "The request took too long to arrive." },
	{ 409, "Conflict", NULL },
	{ 410, "Gone", "This page is gone and will not come back." },
	{ 411, "Length Required", "The request must say how long its body is." },
	{ 412, "Precondition Failed", "The page is not in the state that was asked for." },
	{ 413, "Content Too Large", "What was sent is larger than this site accepts." },
	{ 414, "URI Too Long", "The address is longer than this server accepts." },
	{ 415, "Unsupported Media Type", NULL },
	{ 416, "Range Not Satisfiable", "The file has no such part." },
	{ 417, "Expectation Failed", "The server can't do what the request expects." },
	{ 418, "I'm a teapot", NULL },
	{ 421, "Misdirected Request", "There is no site of that name here." },
	{ 422, "Unprocessable Content", NULL },
	{ 423, "Locked", NULL },
	{ 424, "Failed Dependency", NULL },
	{ 425, "Too Early", NULL },
	{ 426, "Upgrade Required", NULL },
	{ 428, "Precondition Required", NULL },
	{ 429, "Too Many Requests", "There were too many requests; try again later." },
	{ 431, "Request Header Fields Too Large",
	    "The request's head is larger than this server accepts." },
	{ 451, "Unavailable For Legal Reasons", NULL },
	{ 500, "Internal Server Error", "This site has failed to make the page." },
	{ 501, "Not Implemented", "The server does not know how to do this." },
	{ 502, "Bad Gateway", "This site has failed to make the page." },
	{ 503, "Service Unavailable", "This site is busy; try again in a moment." },
	{ 504, "Gateway Timeout", "This site took too long to make the page." },
	{ 505, "HTTP Version Not Supported", "The server does not speak this version of HTTP." },
	{ 506, "Variant Also Negotiates", NULL },
	{ 507, "Insufficient Storage", "There is no room left for this." },
	{ 508, "Loop Detected", NULL },
	{ 510, "Not Extended", NULL },
	{ 511, "Network Authentication Required", NULL },
};

static const struct status *
status_find(int code)
{
	size_t low = 0, high = sizeof statuses / sizeof statuses[0], middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (statuses[middle].code == code)
			return &statuses[middle];
		if (statuses[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *
status_reason(int status)
{
	const struct status *found = status == 200 ? NULL : status_find(status);

	if (status == 200)
		return "OK";
	return found != NULL ? found->reason : "Unknown";
}

const char *
status_explain(int status)
{
	const struct status *found = status_find(status);

	if (found != NULL && found->explain != NULL)
		return found->explain;
	return status >= 500 ? "The server could not answer this request." :
	    "The request could not be answered.";
}
