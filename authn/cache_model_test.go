package authn_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"postern/authn"
	"postern/policy"
)

// modelCache is what a cache is meant to do, written as plainly as possible.
type modelCache struct {
	entries int
	max     time.Duration
	list    []modelEntry // the least recently used first
	told    observer
}

type modelEntry struct {
	by    int
	token string
	until time.Time
}

// use returns whether the cache holds what an authenticator verified, and else
// keeps it.
func (m *modelCache) use(by int, token string, moment time.Time) authn.CacheUse {
	i := slices.IndexFunc(m.list, func(e modelEntry) bool { return e.by == by && e.token == token })
	if i >= 0 && moment.Before(m.list[i].until) {
		m.list = append(slices.Delete(slices.Clone(m.list), i, i+1), m.list[i])
		m.told.Hits++
		return authn.CacheHit
	}
	if i >= 0 {
		m.list = slices.Delete(m.list, i, i+1)
	}
	m.told.Misses++
	if m.list = append(m.list, modelEntry{by, token, moment.Add(m.max)}); len(m.list) > m.entries {
		m.list = m.list[1:]
		m.told.Evicted++
	}
	m.told.Entries = len(m.list)
	return authn.CacheMiss
}

// Under churn by several authenticators, with other policies and after reloads,
// the cache does what the model does, step by step, and never hands out what
// another verified.
func TestCacheAgreesWithItsModel(t *testing.T) {
	const capacity, max = 12, 10 * time.Second
	random := rand.New(rand.NewPCG(1, 2))
	told := &observer{}
	cache := authn.NewCache(authn.CacheSettings{Entries: capacity, Bytes: 1 << 20, Max: policy.Duration(max)}, told)
	model := &modelCache{entries: capacity, max: max}

	settings := jwtSettings(t, nil)
	set := loadKeys(t, settings.Keys)
	generation := 0
	next := func() (int, *authn.JWT) {
		generation++
		return generation, authn.NewJWT(fmt.Sprint(generation), settings, set, cache, tokenBytes)
	}
	type running struct {
		id int
		j  *authn.JWT
	}
	var authenticators [3]running
	for i := range authenticators {
		authenticators[i].id, authenticators[i].j = next()
	}
	var tokens []string
	for i := range 10 {
		tokens = append(tokens, numbered(t, i, 0))
	}
	moment := at
	for step := range 5000 {
		if random.IntN(200) == 0 { // a reload puts another in its place
			a := &authenticators[random.IntN(len(authenticators))]
			a.id, a.j = next()
		}
		moment = moment.Add(time.Duration(random.IntN(300)) * time.Millisecond / 5)
		a, token := authenticators[random.IntN(len(authenticators))], tokens[random.IntN(len(tokens))]
		v, got, err := a.j.Verify(t.Context(), authn.Credential{Value: token}, moment)
		if err != nil {
			t.Fatal(err)
		}
		if want := model.use(a.id, token, moment); got != want || v.Authenticator != fmt.Sprint(a.id) {
			t.Fatalf("step %d: %v, want %v, by %s", step, got, want, v.Authenticator)
		}
		if diff := cmp.Diff(model.told, *told); diff != "" {
			t.Fatalf("step %d: told (-want +got):\n%s", step, diff)
		}
	}
	if told.Hits < 500 || told.Evicted < 500 {
		t.Errorf("the walk shows too little: %+v", *told)
	}
}

// The bytes that a cache is charged for stay within its bound whatever comes:
// large and small tokens by turns.
func TestCacheBytesUnderChurn(t *testing.T) {
	const bytes = 64 << 10
	random := rand.New(rand.NewPCG(3, 4))
	j, told := cached(t, authn.CacheSettings{Entries: 1000, Bytes: bytes, Max: policy.Duration(time.Hour)})
	var held []string // the most recent last; at least what an entry takes is its token
	for i := range 500 {
		token := hs256(t, fmt.Sprintf(`{"exp":1001000,"i":%d,"x":"%s"}`, i, strings.Repeat("x", random.IntN(8<<10))))
		use(t, j, token, at)
		held = append(held, token)
		sum := 0
		for _, token := range held[len(held)-told.Entries:] {
			sum += len(token)
		}
		if sum > bytes || told.Entries < 1 {
			t.Fatalf("token %d: %d entries of %d bytes in %d", i, told.Entries, sum, bytes)
		}
	}
	if told.Evicted != 500-told.Entries {
		t.Errorf("%+v", *told)
	}
}
