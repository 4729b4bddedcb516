#include "handlers/perl_parts.h"

#include <stdlib.h>

#include "base/log.h"

/*
 * One interpreter serves all of the pool's vhosts.  Each has an @INC of its
 * own, so that what it adds there (use lib) is its own too; its environment is
 * put into %ENV, and what was there before is put back for the next one's.
 */
struct site {
	AV *inc;                /* NULL until it is entered */
	SV **before;            /* for each of its env: what %ENV held, or NULL */
};

static struct site *sites;              /* as settings->vhosts */
static const struct vhost_settings *entered;
static AV *pool_inc;

static struct site *
site_of(const struct vhost_settings *vhost)
{
	return &sites[vhost - perl_now.settings->vhosts];
}

/* These folders before what is there. */
static AV *
inc_new(pTHX_ const struct string_list *folders, AV *rest)
{
	AV *inc = newAV();
	SSize_t i, count = av_count(rest);
	SV **folder;
	size_t j;

	for (j = 0; j < folders->count; j++)
		av_push(inc, newSVpv(folders->at[j], 0));
	for (i = 0; i < count; i++) {
		folder = av_fetch(rest, i, 0);
		if (folder != NULL)
			av_push(inc, newSVsv(*folder));
	}
	return inc;
}

static void
inc_use(pTHX_ AV *inc)
{
	AV *old = GvAV(PL_incgv);

	GvAV(PL_incgv) = (AV *)SvREFCNT_inc_simple_NN((SV *)inc);
	SvREFCNT_dec(old);
}

/* ---- %ENV; Perl keeps the process's own environment in step */

static void
env_set(pTHX_ const char *name, STRLEN len, SV *value)
{
	SV **slot = hv_fetch(GvHVn(PL_envgv), name, (I32)len, 1);

	if (slot != NULL) {
		sv_setsv(*slot, value);
		SvSETMAGIC(*slot);
	}
}

static void
env_enter(pTHX_ const struct vhost_settings *vhost, struct site *site)
{
	const char *text, *equals;
	size_t i;
	SV **old;

	for (i = 0; i < vhost->env.count; i++) {
		text = vhost->env.at[i];
		equals = strchr(text, '=');
		if (equals == NULL)
			continue;
		old = hv_fetch(GvHVn(PL_envgv), text, (I32)(equals - text), 0);
		site->before[i] = old != NULL ? newSVsv(*old) : NULL;
		env_set(aTHX_ text, (STRLEN)(equals - text), sv_2mortal(newSVpv(equals + 1, 0)));
	}
}

static void
env_leave(pTHX_ const struct vhost_settings *vhost, struct site *site)
{
	const char *text, *equals;
	size_t i;

	for (i = vhost->env.count; i-- > 0; ) {
		text = vhost->env.at[i];
		equals = strchr(text, '=');
		if (equals == NULL)
			continue;
		if (site->before[i] != NULL)
			env_set(aTHX_ text, (STRLEN)(equals - text), site->before[i]);
		else
			(void)hv_delete(GvHVn(PL_envgv), text, (I32)(equals - text), G_DISCARD);
		SvREFCNT_dec(site->before[i]);
		site->before[i] = NULL;
	}
}

void
perl_site_enter(pTHX_ const struct vhost_settings *vhost)
{
	struct site *site = site_of(vhost);

	if (vhost == entered)
		return;
	if (entered != NULL)
		env_leave(aTHX_ entered, site_of(entered));
	if (site->inc == NULL) {
		site->inc = inc_new(aTHX_ &vhost->perl_lib, pool_inc);
		Newxz(site->before, vhost->env.count + 1, SV *);
	}
	inc_use(aTHX_ site->inc);
	env_enter(aTHX_ vhost, site);
	entered = vhost;
}

void
perl_site_start(pTHX)
{
	Newxz(sites, perl_now.settings->vhost_count + 1, struct site);
	pool_inc = inc_new(aTHX_ &perl_now.pool->perl_lib, GvAVn(PL_incgv));
	inc_use(aTHX_ pool_inc);
}
