#include <stdint.h>
#include <string.h>

#include "http/date.h"

static const char days[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
static const char long_days[7][10] = {
	"Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday",
};
static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
};

#define DAY 86400
#define YEAR_10000 253402300800         /* seconds to the first date that has no room */

/*
 * The Gregorian calendar in years that begin in March, so that the odd day is a
 * year's last: 400 such years are 146097 days; 719468 days lie between
 * 1 March of the year 0 and 1 January 1970.
 */
static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t era, of_era, of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_era = year - era * 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void
date_of(int64_t number, int *year, int *month, int *day)
{
	int64_t of_era, years, of_year, shifted;

	number += 719468;
	of_era = number % 146097;
	years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * years + years / 4 - years / 100);
	shifted = (5 * of_year + 2) / 153;
	*day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
	*month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
	*year = (int)(years + number / 146097 * 400 + (*month <= 2));
}

static void
put_two(char *at, int number)
{
	at[0] = (char)('0' + number / 10);
	at[1] = (char)('0' + number % 10);
}

void
date_write(char out[DATE_LEN + 1], time_t when)
{
	int64_t seconds = when;
	int year, month, day, of_day;

	/* A file's time may be anything; a date has four digits for its year. */
	if (seconds < 0)
		seconds = 0;
	if (seconds >= YEAR_10000)
		seconds = YEAR_10000 - 1;
	of_day = (int)(seconds % DAY);
	date_of(seconds / DAY, &year, &month, &day);
	memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", DATE_LEN + 1);
	memcpy(out, days[seconds / DAY % 7], 3);
	put_two(out + 5, day);
	memcpy(out + 8, months[month - 1], 3);
	put_two(out + 12, year / 100);
	put_two(out + 14, year % 100);
	put_two(out + 17, of_day / 3600);
	put_two(out + 20, of_day / 60 % 60);
	put_two(out + 23, of_day % 60);
}

/* ---- reading: a cursor that only ever moves on, or fails */

struct cursor {
	const char *at;
	const char *end;
	bool failed;
};

static void
expect(struct cursor *c, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, text, len) != 0) {
		c->failed = true;
		return;
	}
	c->at += len;
}

/* Exactly `digits` digits. */
static int
number(struct cursor *c, int digits)
{
	int value = 0;

	for (; digits > 0; digits--, c->at++) {
		if (c->at == c->end || *c->at < '0' || *c->at > '9') {
			c->failed = true;
			return 0;
		}
		value = value * 10 + *c->at - '0';
	}
	return value;
}

static int
month_name(struct cursor *c)
{
	int i;

	for (i = 0; i < 12; i++)
		if (c->end - c->at >= 3 && memcmp(c->at, months[i], 3) == 0) {
			c->at += 3;
			return i + 1;
		}
	c->failed = true;
	return 1;
}

struct moment {
	int year, month, day;
	int hour, minute, second;
};

static void
time_of_day(struct cursor *c, struct moment *m)
{
	m->hour = number(c, 2);
	expect(c, ":");
	m->minute = number(c, 2);
	expect(c, ":");
	m->second = number(c, 2);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", behind the comma */
static void
read_preferred(struct cursor *c, struct moment *m)
{
	expect(c, " ");
	m->day = number(c, 2);
	expect(c, " ");
	m->month = month_name(c);
	expect(c, " ");
	m->year = number(c, 4);
	expect(c, " ");
	time_of_day(c, m);
	expect(c, " GMT");
}

/* "Sunday, 06-Nov-94 08:49:37 GMT", behind the comma */
static void
read_rfc850(struct cursor *c, struct moment *m)
{
	int now, month, day;

	expect(c, " ");
	m->day = number(c, 2);
	expect(c, "-");
	m->month = month_name(c);
	expect(c, "-");
	m->year = number(c, 2);
	expect(c, " ");
	time_of_day(c, m);
	expect(c, " GMT");
	/* The year that is at most 50 years ahead (RFC 9110, 5.6.7). */
	date_of(time(NULL) / DAY, &now, &month, &day);
	m->year += now - now % 100;
	if (m->year > now + 50)
		m->year -= 100;
}

/* "Sun Nov  6 08:49:37 1994", behind the day's name */
static void
read_asctime(struct cursor *c, struct moment *m)
{
	expect(c, " ");
	m->month = month_name(c);
	expect(c, " ");
	if (c->at < c->end && *c->at == ' ') {
		c->at++;
		m->day = number(c, 1);
	} else {
		m->day = number(c, 2);
	}
	expect(c, " ");
	time_of_day(c, m);
	expect(c, " ");
	m->year = number(c, 4);
}

/* The day's name, long or short, and a comma or not, tell the form. */
static void
read_any(struct cursor *c, struct moment *m)
{
	size_t left = (size_t)(c->end - c->at), len;
	int i;

	for (i = 0; i < 7; i++) {
		len = strlen(long_days[i]);
		if (left > len && memcmp(c->at, long_days[i], len) == 0 && c->at[len] == ',') {
			c->at += len + 1;
			read_rfc850(c, m);
			return;
		}
		if (left > 3 && memcmp(c->at, days[i], 3) == 0) {
			c->at += 3;
			if (*c->at != ',') {
				read_asctime(c, m);
				return;
			}
			c->at++;
			read_preferred(c, m);
			return;
		}
	}
	c->failed = true;
}

static int
month_days(int year, int month)
{
	static const int lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return lengths[month - 1] + (month == 2 && leap);
}

bool
date_read(const char *text, size_t len, time_t *when)
{
	struct cursor c = { text, text + len, false };
	struct moment m = { 1970, 1, 1, 0, 0, 0 };

	read_any(&c, &m);
	/* 60 is a leap second. */
	if (c.failed || c.at != c.end || m.day < 1 || m.day > month_days(m.year, m.month) ||
	    m.hour > 23 || m.minute > 59 || m.second > 60)
		return false;
	*when = (time_t)(days_of(m.year, m.month, m.day) * DAY +
	    m.hour * 3600 + m.minute * 60 + m.second);
	return true;
}
