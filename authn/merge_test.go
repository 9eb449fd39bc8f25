package authn_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/policy"
)

func TestMerge(t *testing.T) {
	project := policy.Identity{Level: policy.Application, Authenticator: "project", CredentialID: "mobile", Attributes: map[string]string{"project": "acme"}}
	device := policy.Identity{Level: policy.Application, Authenticator: "device", CredentialID: "d1", Attributes: map[string]string{"device": "d1"}, ExpiresAt: at.Add(time.Hour)}
	ann := policy.Identity{
		Level: policy.Customer, Authenticator: "customer", CredentialID: "k1", Customer: "ann", Claims: map[string]any{"sub": "ann"},
		Issuer: "https://idp", Tenant: "acme", TokenID: "t1", ExpiresAt: at.Add(time.Minute),
	}
	merged := func(edit func(id *policy.Identity)) policy.Identity {
		id := ann
		id.Authenticator, id.Attributes = "group", maps.Clone(project.Attributes)
		edit(&id)
		return id
	}
	claimant := policy.Identity{Level: policy.Application, Claims: map[string]any{"x": "y"}, Tenant: "acme", ExpiresAt: at.Add(time.Hour)}
	claimed := claimant
	claimed.Authenticator, claimed.Attributes = "group", project.Attributes
	for name, test := range map[string]struct {
		members []policy.Identity
		want    policy.Identity
		reason  policy.Reason
	}{
		"one alone":             {members: []policy.Identity{ann}, want: ann},
		"an app and a customer": {members: []policy.Identity{project, ann}, want: merged(func(*policy.Identity) {})},
		"a customer and an app": {members: []policy.Identity{ann, project}, want: merged(func(*policy.Identity) {})},
		"three":                 {members: []policy.Identity{project, ann, device}, want: merged(func(id *policy.Identity) { id.Attributes["device"] = "d1" })},
		"apps": {members: []policy.Identity{project, device}, want: policy.Identity{
			Level: policy.Application, Authenticator: "group", CredentialID: "mobile",
			Attributes: map[string]string{"project": "acme", "device": "d1"}, ExpiresAt: at.Add(time.Hour),
		}},
		"claims of the second": {members: []policy.Identity{project, claimant}, want: claimed},
		"claims of the first":  {members: []policy.Identity{claimant, project}, want: claimed},
		"a tenant beside a customer": {members: []policy.Identity{ann, {Level: policy.Application, Tenant: "acme", ExpiresAt: at.Add(24 * time.Hour)}}, want: func() policy.Identity {
			id := ann
			id.Authenticator, id.Tenant = "group", "acme"
			return id
		}()},
		"two customers":                  {members: []policy.Identity{ann, ann}, reason: policy.IdentityMismatch},
		"two customers, one between":     {members: []policy.Identity{ann, project, ann}, reason: policy.IdentityMismatch},
		"the same attribute":             {members: []policy.Identity{project, project}, reason: policy.IdentityMismatch},
		"the same attribute, one beside": {members: []policy.Identity{project, ann, project}, reason: policy.IdentityMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			var group *authn.Verified
			var err error
			for _, id := range test.members {
				if group, err = authn.Merge(group, &authn.Verified{Identity: id}, "group"); err != nil {
					break
				}
			}
			if policy.ReasonOf(err) != test.reason {
				t.Fatalf("%v, want %v", err, test.reason)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(test.want, group.Identity); diff != "" {
				t.Error(diff)
			}
			var of []policy.Identity
			for _, member := range group.Members() {
				of = append(of, member.Identity)
			}
			if diff := cmp.Diff(test.members, of); diff != "" {
				t.Errorf("members: %s", diff)
			}
		})
	}
	// What requests share is not changed.
	if len(project.Attributes) != 1 || len(device.Attributes) != 1 || ann.Attributes != nil {
		t.Error("merging changed a member")
	}
}

// A group stands as long as all of its members do.
func TestMergeStands(t *testing.T) {
	signed := newJWT(t, nil)
	ann, reason := verify(t, signed, hs256(t, `{"sub":"ann","exp":1000060}`))
	if reason != policy.ReasonNone {
		t.Fatal(reason)
	}
	app := &authn.Verified{Identity: policy.Identity{Level: policy.Application}}
	for _, order := range [][2]*authn.Verified{{app, ann}, {ann, app}} {
		group, err := authn.Merge(order[0], order[1], "group")
		if err != nil {
			t.Fatal(err)
		}
		if err := group.Standing(at); err != nil {
			t.Error(err)
		}
		if err := group.Standing(at.Add(time.Hour)); policy.ReasonOf(err) != policy.TokenExpired {
			t.Errorf("after its end: %v", err)
		}
	}
}
