package keys_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

func TestSameValueOfSecrets(t *testing.T) {
	s := defaults(func(s *keys.Settings) {
		for _, value := range []string{"a", "b", "a", "c", "b", "a"} {
			s.Secrets = append(s.Secrets, keys.SecretSettings{ID: value, Value: keys.Value{Literal: policy.Secret(value)}})
		}
	})
	var problems policy.Problems
	set := s.Load(nil, keys.Loader{}, true, &problems)
	if set == nil {
		t.Fatal(problems.List)
	}
	if diff := cmp.Diff([][2]int{{0, 2}, {1, 4}, {0, 5}}, set.SameValue()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSameValueOfTenants(t *testing.T) {
	for name, test := range map[string]struct {
		ring keys.KeyringSettings
		want [][]string
	}{
		"empty":      {nil, nil},
		"all differ": {keys.KeyringSettings{"a": {tenantSecret("1", "x")}, "b": {tenantSecret("1", "y")}, "c": {}}, nil},
		"one tenant": {keys.KeyringSettings{"a": {tenantSecret("1", "x"), tenantSecret("2", "x")}}, nil},
		"two":        {keys.KeyringSettings{"b": {tenantSecret("1", "x")}, "a": {tenantSecret("2", "y"), tenantSecret("3", "x")}}, [][]string{{"a", "b"}}},
		"crossed": {keys.KeyringSettings{
			"a": {tenantSecret("1", "x"), tenantSecret("2", "y")},
			"b": {tenantSecret("1", "y"), tenantSecret("2", "z"), tenantSecret("3", "y")},
			"c": {tenantSecret("1", "z")},
			"d": {tenantSecret("1", "x"), tenantSecret("2", "x")},
			"e": {tenantSecret("1", "x")},
		}, [][]string{{"a", "b"}, {"a", "d", "e"}, {"b", "c"}}},
	} {
		if diff := cmp.Diff(test.want, loadRing(t, test.ring).SameValue()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
