package policy_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/policy"
)

func TestReasons(t *testing.T) {
	// What Postern promises.
	promised := map[int][]string{
		400: {"malformed_request", "ambiguous_path", "malformed_body"},
		401: {"missing_credential", "malformed_credential", "unknown_token", "unknown_key", "algorithm_not_allowed", "bad_signature", "token_expired",
			"token_not_yet_valid", "issued_in_future", "lifetime_too_long", "token_too_old", "wrong_issuer", "wrong_audience", "missing_claim",
			"claim_not_allowed", "revoked", "inactive_token"},
		403: {"identity_mismatch", "identity_missing", "insufficient_scope", "insufficient_level", "origin_not_allowed"},
		404: {"no_route"},
		405: {"method_not_allowed"},
		413: {"body_too_large"},
		429: {"too_many_failures"},
		499: {"client_closed"},
		500: {"internal"},
		502: {"upstream_unreachable", "upstream_invalid"},
		503: {"keys_unavailable", "keys_pending", "introspection_unavailable", "profile_unavailable", "overloaded", "shutting_down"},
		504: {"upstream_timeout"},
	}
	sentence := regexp.MustCompile(`^[A-Z][^"\\]*\.$`)
	got := map[int][]string{}
	for _, r := range policy.Reasons() {
		got[r.Status()] = append(got[r.Status()], r.String())
		if !sentence.MatchString(r.Title()) {
			t.Errorf("%v has the title %q", r, r.Title())
		}
		if r.Unavailable() != (r.Status() == 503) {
			t.Errorf("%v: unavailable = %v", r, r.Unavailable())
		}
	}
	// A missing row has the name "", a doubled name stands twice.
	for _, table := range []map[int][]string{promised, got} {
		for _, names := range table {
			slices.Sort(names)
		}
	}
	if diff := cmp.Diff(promised, got); diff != "" {
		t.Error(diff)
	}
	if slices.Contains(policy.Reasons(), policy.ReasonNone) {
		t.Error("ReasonNone is a reason")
	}
}

func TestChallengeErrors(t *testing.T) {
	for _, r := range policy.Reasons() {
		want := ""
		switch {
		case r == policy.InsufficientScope:
			want = "insufficient_scope"
		case r.Status() == http.StatusUnauthorized && r != policy.MissingCredential:
			want = "invalid_token"
		}
		if got := r.ChallengeError(); got != want {
			t.Errorf("%v: %q, want %q", r, got, want)
		}
	}
}

func TestReasonLevels(t *testing.T) {
	// What is no client's fault, and calls for somebody to look.
	loud := map[string]slog.Level{
		"upstream_unreachable": slog.LevelError, "upstream_invalid": slog.LevelError, "upstream_timeout": slog.LevelError,
		"keys_unavailable": slog.LevelError, "keys_pending": slog.LevelWarn, "introspection_unavailable": slog.LevelError,
		"profile_unavailable": slog.LevelError, "overloaded": slog.LevelWarn, "internal": slog.LevelError,
	}
	got := map[string]slog.Level{}
	for _, r := range policy.Reasons() {
		if r.Level() != slog.LevelInfo {
			got[r.String()] = r.Level()
		}
	}
	if !maps.Equal(loud, got) {
		t.Error(cmp.Diff(loud, got))
	}
}

func TestAReasonOutsideTheTableIsOurFault(t *testing.T) {
	if r := policy.Reason(255); r.String() != "internal" || r.Status() != 500 {
		t.Errorf("%v, %d", r, r.Status())
	}
}

func TestAsDenial(t *testing.T) {
	cause := errors.New("disk on fire")
	denied := policy.Deny(policy.BadSignature, "detail")
	for name, test := range map[string]struct {
		err    error
		reason policy.Reason
		text   string
	}{
		"a denial":         {denied, policy.BadSignature, "bad_signature: detail"},
		"a wrapped denial": {fmt.Errorf("on the way: %w", denied), policy.BadSignature, "bad_signature: detail"},
		"with operands":    {policy.Denyf(policy.NoRoute, "%d of %s", 1, "a"), policy.NoRoute, "no_route: 1 of a"},
		"with a cause":     {policy.Fail(policy.KeysUnavailable, cause), policy.KeysUnavailable, "keys_unavailable: disk on fire"},
		"any other error":  {cause, policy.Internal, "internal: disk on fire"},
	} {
		d := policy.AsDenial(test.err)
		if d.Reason != test.reason || policy.ReasonOf(test.err) != test.reason || d.Error() != test.text {
			t.Errorf("%s: %v", name, d)
		}
	}
	if policy.AsDenial(nil) != nil || policy.ReasonOf(nil) != policy.ReasonNone {
		t.Error("no error is a denial")
	}
	if !errors.Is(policy.Fail(policy.Internal, cause), cause) {
		t.Error("the cause is lost")
	}
}
