#include "handlers/perl_parts.h"

#include <stdlib.h>
#include <unistd.h>

#include "handlers/cgi_env.h"

/*
 * %ENV and environ, one and the same: RFC 3875's variables and nothing else.
 *
 * Most of them are what they were in the run before, so the hash is kept, and of
 * its elements only those that differ are set.  It is made anew where a script
 * has left a name, a reference, a tie or anything else behind that would show.
 */
static struct {
	struct cgi_env env;
	char **outside;         /* environ between runs: a copy, see outside_keep */
	HV *outside_hash;       /* %ENV then */
	HV *hash;               /* of the runs; NULL: to be made */
} own = { .env = CGI_ENV_NONE };

/* ---- the hash, made */

/* Called for each variable until it says false. */
typedef bool (*variable_use)(pTHX_ HV *hash, SV *name, const char *value, size_t len);

static size_t
for_each(pTHX_ variable_use use)
{
	char **at = own.env.environment.at;
	const char *equals;
	unsigned i;

	for (i = 0; at[i] != NULL; i++) {
		equals = strchr(at[i], '=');
		if (!use(aTHX_ own.hash, perl_env_name(aTHX_ i, at[i], (size_t)(equals - at[i])),
		    equals + 1, strlen(equals + 1)))
			return 0;
	}
	return i;
}

static bool
variable_add(pTHX_ HV *hash, SV *name, const char *value, size_t len)
{
	SV *element = newSVpvn(value, len);

	/* stored without its magic: environ has it already */
	if (hv_store_ent(hash, name, element, SvSHARED_HASH(name)) == NULL)
		SvREFCNT_dec(element);
	return true;
}

static void
hash_make(pTHX)
{
	own.hash = newHV();
	hv_ksplit(own.hash, 64);
	hv_magic(own.hash, NULL, PERL_MAGIC_env);
	for_each(aTHX_ variable_add);
}

/* Its magic would clear the environment that is there now. */
static void
hash_drop(pTHX)
{
	if (own.hash == NULL)
		return;
	sv_unmagic((SV *)own.hash, PERL_MAGIC_env);
	SvREFCNT_dec((SV *)own.hash);
	own.hash = NULL;
}

/* ---- or used again */

static bool
has_only_magic(const SV *it, char type)
{
	return SvTYPE(it) >= SVt_PVMG && SvMAGIC(it) != NULL && SvMAGIC(it)->mg_type == type &&
	    SvMAGIC(it)->mg_moremagic == NULL && !SvOBJECT(it) && !SvREADONLY(it);
}

static bool
variable_set(pTHX_ HV *hash, SV *name, const char *value, size_t len)
{
	HE *entry = hv_fetch_ent(hash, name, 0, SvSHARED_HASH(name));
	SV *element = entry != NULL ? HeVAL(entry) : NULL;

	if (element == NULL || SvREFCNT(element) != 1 || SvTYPE(element) != SVt_PVMG ||
	    !SvPOK(element) || !has_only_magic(element, PERL_MAGIC_envelem))
		return false;
	if (SvCUR(element) != len || memcmp(SvPVX(element), value, len) != 0)
		sv_setpvn(element, value, len);
	/* a script that reckoned with it has left a number there too */
	(void)SvPOK_only(element);
	return true;
}

static bool
hash_renew(pTHX)
{
	size_t count;

	if (own.hash == NULL || !has_only_magic((SV *)own.hash, PERL_MAGIC_env))
		return false;
	hv_iterinit(own.hash);
	count = for_each(aTHX_ variable_set);
	return count > 0 && count == HvUSEDKEYS(own.hash);
}

/* ---- environ */

/*
 * The C library's setenv() writes into the last array that it made, whatever
 * environ is then: with a run's own environment in place, over the one that was
 * there before.  So that one is always ours.
 */
static void
outside_keep(pTHX)
{
	size_t count = 0;
	char **copy;

	if (environ == own.outside)
		return;
	while (environ[count] != NULL)
		count++;
	Newx(copy, count + 1, char *);
	Copy(environ, copy, count + 1, char *);
	Safefree(own.outside);
	environ = own.outside = copy;
}

bool
perl_cgi_env_begin(pTHX)
{
	if (!cgi_env_build(&own.env, perl_now.view))
		return false;
	if (!hash_renew(aTHX)) {
		hash_drop(aTHX);
		hash_make(aTHX);
	}
	own.outside_hash = GvHV(PL_envgv);
	GvHV(PL_envgv) = own.hash;
	outside_keep(aTHX);
	environ = own.env.environment.at;
	return true;
}

char *const *
perl_cgi_env_arguments(void)
{
	return own.env.arguments.at;
}

void
perl_cgi_env_end(pTHX)
{
	/* *ENV = {...}: what a script has put there is its glob's, and goes with that */
	if (GvHV(PL_envgv) != own.hash)
		own.hash = GvHV(PL_envgv);
	environ = own.outside;
	GvHV(PL_envgv) = own.outside_hash;
}
