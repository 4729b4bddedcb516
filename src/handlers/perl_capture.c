#include "handlers/perl_parts.h"

/*
 * A script is compiled into a sub.  Its own named subs then see the variables of
 * its outermost level as they were when it was compiled: what mod_perl's
 * documentation calls the nested subroutine problem, and warns of as "will not
 * stay shared".  In a script that is run from the start each time they are one.
 *
 * So each place in a named sub's pad that holds such a variable is noted once;
 * after each run, when the script's pad has got fresh variables for the next one,
 * they are put there.  What the last request left in the old ones is freed then,
 * as at the end of a program.
 *
 * A variable that already has a value before the first run got it in a BEGIN
 * block, which will not run again: that one is left to the sub.
 */
struct capture {
	CV *sub;
	SSize_t inner;          /* where it is in the sub's pads */
	SSize_t outer;          /* and in the script's */
};

struct perl_captures {
	struct capture *at;
	size_t count, size;
};

static PAD *
pad_of(CV *sub, SSize_t depth)
{
	return PadlistARRAY(CvPADLIST(sub))[depth];
}

static bool
is_inside(const CV *sub, const CV *script)
{
	for (sub = CvOUTSIDE(sub); sub != NULL; sub = CvOUTSIDE(sub))
		if (sub == script)
			return true;
	return false;
}

static bool
has_value(SV *variable)
{
	switch (SvTYPE(variable)) {
	case SVt_PVAV:
		return AvFILLp((AV *)variable) >= 0;
	case SVt_PVHV:
		return HvTOTALKEYS((HV *)variable) > 0;
	case SVt_PVCV:
		return true;
	default:
		return SvOK(variable);
	}
}

/* Where the script's pad holds this variable, or -1. */
static SSize_t
outer_of(CV *script, SV *variable)
{
	PAD *pad = pad_of(script, 1);
	SSize_t i;

	for (i = 1; i <= PadMAX(pad); i++)
		if (PadARRAY(pad)[i] == variable)
			return i;
	return -1;
}

static void
note(struct perl_captures *captures, CV *sub, SSize_t inner, SSize_t outer)
{
	if (captures->count == captures->size) {
		captures->size = captures->size == 0 ? 16 : 2 * captures->size;
		Renew(captures->at, captures->size, struct capture);
	}
	captures->at[captures->count].sub = (CV *)SvREFCNT_inc_simple_NN((SV *)sub);
	captures->at[captures->count].inner = inner;
	captures->at[captures->count].outer = outer;
	captures->count++;
}

static void
note_sub(struct perl_captures *captures, CV *script, CV *sub)
{
	PADNAMELIST *names = PadlistNAMES(CvPADLIST(sub));
	PAD *pad = pad_of(sub, 1);
	SSize_t i, outer, most = PadnamelistMAX(names);

	for (i = 1; i <= most && i <= PadMAX(pad); i++) {
		PADNAME *name = PadnamelistARRAY(names)[i];
		SV *variable = PadARRAY(pad)[i];

		if (name == NULL || variable == NULL || !PadnameOUTER(name) || PadnameIsOUR(name) ||
		    PadnameIsSTATE(name) || has_value(variable))
			continue;
		outer = outer_of(script, variable);
		if (outer >= 0)
			note(captures, sub, i, outer);
	}
}

static bool
is_named_sub(SV *it)
{
	CV *sub = (CV *)it;

	return SvTYPE(it) == SVt_PVCV && SvREFCNT(it) > 0 && !CvISXSUB(sub) &&
	    CvPADLIST(sub) != NULL && !CvANON(sub);
}

struct perl_captures *
perl_captures_find(pTHX_ CV *script)
{
	struct perl_captures *captures;
	SV *arena, *it, *end;

	Newxz(captures, 1, struct perl_captures);
	for (arena = PL_sv_arenaroot; arena != NULL; arena = (SV *)SvANY(arena)) {
		end = &arena[SvREFCNT(arena)];
		for (it = arena + 1; it < end; it++)
			if (is_named_sub(it) && is_inside((CV *)it, script))
				note_sub(captures, script, (CV *)it);
	}
	return captures;
}

void
perl_captures_renew(pTHX_ const struct perl_captures *captures, CV *script)
{
	SV **fresh = PadARRAY(pad_of(script, 1));
	size_t i;
	SSize_t depth;

	for (i = 0; i < captures->count; i++) {
		const struct capture *it = &captures->at[i];

		/* a sub that was redefined meanwhile has lost its pads */
		if (SvTYPE((SV *)it->sub) != SVt_PVCV || CvISXSUB(it->sub) ||
		    CvPADLIST(it->sub) == NULL)
			continue;
		for (depth = 1; depth <= PadlistMAX(CvPADLIST(it->sub)); depth++) {
			SV **slot = &PadARRAY(pad_of(it->sub, depth))[it->inner];
			SV *old = *slot;

			if (old == fresh[it->outer])
				continue;
			*slot = SvREFCNT_inc_simple_NN(fresh[it->outer]);
			SvREFCNT_dec(old);
		}
	}
}

void
perl_captures_free(pTHX_ struct perl_captures **captures)
{
	size_t i;

	if (*captures == NULL)
		return;
	for (i = 0; i < (*captures)->count; i++)
		SvREFCNT_dec((SV *)(*captures)->at[i].sub);
	Safefree((*captures)->at);
	Safefree(*captures);
	*captures = NULL;
}
