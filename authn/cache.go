package authn

import (
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"postern/policy"
)

// CacheSettings bound the cache of verified tokens.
type CacheSettings struct {
	Entries int             `yaml:"entries"`
	Bytes   policy.Size     `yaml:"bytes"`
	Max     policy.Duration `yaml:"max"`
}

// SetDefaults fills in what the configuration leaves out.
func (s *CacheSettings) SetDefaults() {
	*s = CacheSettings{Entries: 100_000, Bytes: 64 << 20, Max: policy.Duration(5 * time.Minute)}
}

// Check reports what is wrong with the settings.
func (s *CacheSettings) Check(at policy.Path, problems *policy.Problems) {
	if s.Entries < 1 || s.Entries > 10_000_000 {
		problems.Addf(at.At("entries"), "wants 1 to 10000000, got %d", s.Entries)
	}
	if s.Bytes < 1<<16 {
		problems.Addf(at.At("bytes"), "wants 64KiB or more")
	}
}

// CacheObserver is told what the cache does. Its methods are called with the
// cache locked and must return at once.
type CacheObserver interface {
	CacheHit()
	CacheMiss()
	CacheEvicted(n int)
	CacheEntries(n int)
}

// Cache holds verified tokens, bounded by entries and by bytes. Each
// authenticator reads only what it put there itself, so that a token never
// crosses from one policy or generation of keys to another. Refusals are not
// cached. It is safe for concurrent use.
type Cache struct {
	settings CacheSettings
	observer CacheObserver

	mu    sync.Mutex
	lru   *simplelru.LRU[cacheKey, cacheEntry]
	bytes int64
	last  uint64 // the last partition that was handed out
}

// partition is an authenticator's part of the cache.
type partition struct {
	cache *Cache
	id    uint64
}

type cacheKey struct {
	partition uint64
	// selector is what of the request the verification depends on, such as the
	// tenant that it selects: a token that is good for one says nothing of
	// another. It is "" where the token alone counts.
	selector, token string
}

type cacheEntry struct {
	verified *Verified
	until    time.Time
	bytes    int64
}

// NewCache returns an empty cache.
func NewCache(s CacheSettings, o CacheObserver) *Cache {
	c := &Cache{settings: s, observer: o}
	lru, err := simplelru.NewLRU(s.Entries, func(_ cacheKey, e cacheEntry) { c.bytes -= e.bytes })
	if err != nil {
		panic(err) // Check refuses the only cause, a size below one
	}
	c.lru = lru
	return c
}

func (c *Cache) partition() partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	return partition{c, c.last}
}

// entryOverhead is about what an entry costs beside its token and claims:
// list element, map slot, Verified and rendered headers.
const entryOverhead = 1536

// load returns what is known of a token in a request with a selector, as long as
// it stands: one that does not may yet be verified with another key, or else the
// reason is found anew.
func (p partition) load(selector, token string, at time.Time) (*Verified, bool) {
	c := p.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	key := cacheKey{p.id, selector, token}
	e, ok := c.lru.Get(key)
	if ok && at.Before(e.until) && e.verified.Standing(at) == nil {
		c.observer.CacheHit()
		return e.verified, true
	}
	c.observer.CacheMiss()
	if ok {
		c.lru.Remove(key)
		c.observer.CacheEntries(c.lru.Len())
	}
	return nil, false
}

// store keeps a token that was verified in a request with a selector, until a
// time or as long as the cache keeps any; a zero time is no bound. claims is the
// length of its decoded payload: parsed into maps it takes several times as much.
func (p partition) store(selector, token string, v *Verified, claims int, at, until time.Time) {
	c := p.cache
	bytes := int64(len(selector)+len(token)) + 4*int64(claims) + entryOverhead
	if bytes > int64(c.settings.Bytes) {
		return
	}
	// Both are parts of the request's header buffer; copies do not pin it.
	key := cacheKey{p.id, strings.Clone(selector), strings.Clone(token)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	evicted := 0
	if c.lru.Add(key, cacheEntry{v, earliest(at.Add(c.settings.Max.Std()), until), bytes}) {
		evicted++
	}
	c.bytes += bytes
	for c.bytes > int64(c.settings.Bytes) {
		c.lru.RemoveOldest()
		evicted++
	}
	if evicted > 0 {
		c.observer.CacheEvicted(evicted)
	}
	c.observer.CacheEntries(c.lru.Len())
}
