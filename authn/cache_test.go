package authn_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/policy"
)

// cached returns an authenticator over a cache with these bounds, and what the
// cache tells.
func cached(t testing.TB, s authn.CacheSettings) (*authn.JWT, *observer) {
	t.Helper()
	o := &observer{}
	settings := jwtSettings(t, nil)
	return authn.NewJWT("web", settings, loadKeys(t, settings.Keys), authn.NewCache(s, o), tokenBytes), o
}

// use verifies a token, which must be good, and returns what part the cache had.
func use(t testing.TB, a authn.Authenticator, token string, moment time.Time) authn.CacheUse {
	t.Helper()
	_, use, err := a.Verify(t.Context(), authn.Credential{Value: token}, moment)
	if err != nil {
		t.Fatal(err)
	}
	return use
}

// numbered makes tokens of the same length that differ.
func numbered(t testing.TB, i, fill int) string {
	return hs256(t, fmt.Sprintf(`{"exp":1001000,"i":%d,"x":"%s"}`, i%10, strings.Repeat("x", fill)))
}

func TestCacheHit(t *testing.T) {
	j, told := cached(t, authn.CacheSettings{Entries: 10, Bytes: 1 << 20, Max: policy.Duration(time.Minute)})
	token := numbered(t, 1, 0)
	first, firstUse, err := j.Verify(t.Context(), authn.Credential{Value: token}, at)
	if err != nil {
		t.Fatal(err)
	}
	second, secondUse, err := j.Verify(t.Context(), authn.Credential{Value: token}, at)
	if err != nil || second != first || firstUse != authn.CacheMiss || secondUse != authn.CacheHit {
		t.Errorf("%v then %v, the same identity: %v, %v", firstUse, secondUse, second == first, err)
	}
	if diff := cmp.Diff(&observer{Hits: 1, Misses: 1, Entries: 1}, told); diff != "" {
		t.Error(diff)
	}
	if uses := fmt.Sprint(authn.NoCache, authn.CacheHit, authn.CacheMiss); uses != "none hit miss" {
		t.Errorf("the label's values are %s", uses)
	}
}

func TestRefusalsAreNotCached(t *testing.T) {
	j, told := cached(t, authn.CacheSettings{Entries: 10, Bytes: 1 << 20, Max: policy.Duration(time.Minute)})
	token := hs256(t, `{"exp":1000300,"nbf":1000100}`)
	for range 2 {
		if _, reason := verify(t, j, token); reason != policy.TokenNotYetValid {
			t.Fatal(reason)
		}
	}
	if diff := cmp.Diff(&observer{Misses: 2}, told); diff != "" {
		t.Error(diff)
	}
	if got := use(t, j, token, at.Add(100*time.Second)); got != authn.CacheMiss {
		t.Errorf("once it is valid: %v", got)
	}
}

func TestCacheIsBoundedByEntries(t *testing.T) {
	j, told := cached(t, authn.CacheSettings{Entries: 2, Bytes: 1 << 20, Max: policy.Duration(time.Minute)})
	one, two, three := numbered(t, 1, 0), numbered(t, 2, 0), numbered(t, 3, 0)
	// The least recently used goes first.
	for i, step := range []struct {
		token string
		want  authn.CacheUse
	}{{one, authn.CacheMiss}, {two, authn.CacheMiss}, {one, authn.CacheHit}, {three, authn.CacheMiss}, {one, authn.CacheHit}, {two, authn.CacheMiss}, {three, authn.CacheMiss}} {
		if got := use(t, j, step.token, at); got != step.want {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
	}
	if diff := cmp.Diff(&observer{Hits: 2, Misses: 5, Evicted: 3, Entries: 2}, told); diff != "" {
		t.Error(diff)
	}
}

func TestCacheIsBoundedByBytes(t *testing.T) {
	j, told := cached(t, authn.CacheSettings{Entries: 1000, Bytes: 64 << 10, Max: policy.Duration(time.Minute)})
	// What is kept weighs at least as much as the tokens themselves.
	for i := range 100 {
		use(t, j, numbered(t, i, 4<<10), at)
		if told.Entries > 64/4 {
			t.Fatalf("%d tokens of 4 KiB in 64 KiB", told.Entries)
		}
	}
	if told.Entries == 0 || told.Evicted == 0 {
		t.Errorf("%+v", *told)
	}
}

func TestCacheLeavesOutWhatIsTooHeavy(t *testing.T) {
	j, told := cached(t, authn.CacheSettings{Entries: 10, Bytes: 8 << 10, Max: policy.Duration(time.Minute)})
	light, heavy := numbered(t, 1, 0), numbered(t, 2, 8<<10)
	use(t, j, light, at)
	for range 2 {
		if got := use(t, j, heavy, at); got != authn.CacheMiss {
			t.Error(got)
		}
	}
	if got := use(t, j, light, at); got != authn.CacheHit {
		t.Errorf("another token was driven out: %v", got)
	}
	if diff := cmp.Diff(&observer{Hits: 1, Misses: 3, Entries: 1}, told); diff != "" {
		t.Error(diff)
	}
}

func TestCacheForgetsAfterMax(t *testing.T) {
	j, told := cached(t, authn.CacheSettings{Entries: 10, Bytes: 1 << 20, Max: policy.Duration(time.Minute)})
	token := numbered(t, 1, 0)
	for _, step := range []struct {
		after time.Duration
		want  authn.CacheUse
	}{{0, authn.CacheMiss}, {time.Minute - 1, authn.CacheHit}, {time.Minute, authn.CacheMiss}, {2*time.Minute - 1, authn.CacheHit}, {2 * time.Minute, authn.CacheMiss}} {
		if got := use(t, j, token, at.Add(step.after)); got != step.want {
			t.Errorf("after %v: %v, want %v", step.after, got, step.want)
		}
	}
	if diff := cmp.Diff(&observer{Hits: 2, Misses: 3, Entries: 1}, told); diff != "" {
		t.Error(diff)
	}
}

func TestAuthenticatorsShareNoEntries(t *testing.T) {
	cache := newCache(&observer{})
	lenient := jwtSettings(t, nil)
	strict := jwtSettings(t, func(s *authn.JWTSettings) { s.Audience = []string{"chat"} })
	set := loadKeys(t, lenient.Keys)
	first := authn.NewJWT("a", lenient, set, cache, tokenBytes)
	token := numbered(t, 1, 0)
	use(t, first, token, at)
	if _, reason := verify(t, authn.NewJWT("b", strict, set, cache, tokenBytes), token); reason != policy.WrongAudience {
		t.Errorf("the token that another authenticator verified: %v", reason)
	}
	// Nor does one with the very same settings, such as after a reload.
	reloaded := authn.NewJWT("a", lenient, set, cache, tokenBytes)
	for i, test := range []struct {
		by   authn.Authenticator
		want authn.CacheUse
	}{{reloaded, authn.CacheMiss}, {reloaded, authn.CacheHit}, {first, authn.CacheHit}} {
		if got := use(t, test.by, token, at); got != test.want {
			t.Errorf("step %d: %v, want %v", i, got, test.want)
		}
	}
}

func TestCacheKeepsACopyOfTheToken(t *testing.T) {
	j, _ := cached(t, authn.CacheSettings{Entries: 10, Bytes: 1 << 20, Max: policy.Duration(time.Minute)})
	token, other := numbered(t, 1, 0), numbered(t, 2, 0)
	// A server reuses the buffer of a request's header for the next request.
	buffer := []byte(token)
	use(t, j, unsafe.String(&buffer[0], len(buffer)), at)
	copy(buffer, other)
	if got := use(t, j, token, at); got != authn.CacheHit {
		t.Errorf("the token: %v", got)
	}
	if got := use(t, j, other, at); got != authn.CacheMiss {
		t.Errorf("what its buffer holds now: %v", got)
	}
}

func TestCacheIsSafeForConcurrentUse(t *testing.T) {
	j, told := cached(t, authn.CacheSettings{Entries: 4, Bytes: 64 << 10, Max: policy.Duration(time.Minute)})
	var tokens []string
	for i := range 8 {
		tokens = append(tokens, numbered(t, i, 0))
	}
	const rounds = 200
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range rounds {
				v, _, err := j.Verify(t.Context(), authn.Credential{Value: tokens[(i*(worker+1))%len(tokens)]}, at)
				if err != nil || fmt.Sprint(v.Claims["i"]) != fmt.Sprint((i*(worker+1))%len(tokens)) {
					t.Errorf("%v, %v", v, err)
				}
			}
		})
	}
	group.Wait()
	if told.Hits+told.Misses != 4*rounds || told.Entries > 4 {
		t.Errorf("%+v", *told)
	}
}

func TestCacheSettings(t *testing.T) {
	var s authn.CacheSettings
	s.SetDefaults()
	if want := (authn.CacheSettings{Entries: 100_000, Bytes: 64 << 20, Max: policy.Duration(5 * time.Minute)}); s != want {
		t.Errorf("defaults: %+v", s)
	}
	for _, test := range []struct {
		entries int
		bytes   policy.Size
		want    []string
	}{
		{1, 64 << 10, nil},
		{10_000_000, 1 << 40, nil},
		{0, 64<<10 - 1, []string{"cache.bytes: wants 64KiB or more", "cache.entries: wants 1 to 10000000, got 0"}},
		{10_000_001, 1 << 20, []string{"cache.entries: wants 1 to 10000000, got 10000001"}},
	} {
		var problems policy.Problems
		s.Entries, s.Bytes = test.entries, test.bytes
		s.Check(policy.Path{"cache"}, &problems)
		if diff := cmp.Diff(test.want, messages(problems)); diff != "" {
			t.Error(diff)
		}
	}
}
