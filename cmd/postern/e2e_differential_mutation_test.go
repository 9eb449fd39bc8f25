package main

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var (
	mutations = flag.Int("mutations", 500, "how many mutated requests each backend gets")
	seed      = flag.Uint64("seed", 1, "where the mutations begin")
)

// scraps are what the grammars of requests are made of, and what breaks them.
var scraps = []string{
	"/", "//", "/../", "/./", "..", ".", ";", "%2e", "%2f", "%5c", "\\", "%00", "%0a", "%0d", "%20", "%09", "%25", "%c0%ae", "#", "?", "&", "=", "+", "[", "]", "[]", "[0]", "%5b%5d", ",", "\"", "'", ":", "{", "}", "\x00", "\t", " ", "\r\n ", "\xff", "\ufeff",
	"ann", "bob", "customer_id", "customer.id", "CUSTOMER_ID", "customer%5fid", "customer_id=bob", "&customer_id=bob", ";customer_id=bob", `,"customer_id":"bob"`, `"Customer_Id":"bob",`, `\u0062ob`, "cu\u017ftomer_id",
	"token", "token=t", "session=t", "; session=t", "__proto__", "admin", "/admin/x", "public", "X-Customer-Id", "_", "-", "$Version=1; ",
}

// others are whole lines that a mutation may add.
var others = []string{
	"X-Customer-Id: bob", "X_Customer_Id: bob", "X-Customer-Hint: bob", "X_Customer_Hint: bob", "X-Checked: admin", "Cookie: customer_id=bob", "Cookie: session=t", "X-Api-Key: k", "Authorization: Basic Ym9iOmJvYg==",
	"Connection: X-Customer-Id", "Content-Type: text/plain", typeJSON, typeForm, typeParts, isChunked, "Content-Encoding: gzip", "X-HTTP-Method-Override: DELETE", "X-Original-URL: /admin/x", "Expect: 100-continue", "TE: trailers", "Upgrade: h2c",
}

// mutate takes a request, mostly one of the good ones, which come first, and
// changes it in a few places.
func mutate(random *rand.Rand, rows []differentialRow) rawRequest {
	i := random.IntN(len(rows))
	if random.IntN(4) > 0 {
		i %= slices.IndexFunc(rows, func(row differentialRow) bool { return !row.served })
	}
	r := rows[i].clone()
	for range 1 + random.IntN(3) {
		switch other := rows[random.IntN(len(rows))].rawRequest; random.IntN(10) {
		case 0:
			r.fields = append(r.fields, others[random.IntN(len(others))])
		case 1:
			r.fields = append(r.fields, other.fields...)
		case 2:
			random.Shuffle(len(r.fields), func(i, j int) { r.fields[i], r.fields[j] = r.fields[j], r.fields[i] })
		case 3:
			if i := random.IntN(len(r.fields) + 1); i < len(r.fields) {
				r.fields[i] = mutateText(random, r.fields[i])
			}
		case 4:
			r.body, r.method = other.body, other.method
		case 5, 6:
			r.body = mutateText(random, r.body)
		default:
			r.target = mutateText(random, r.target)
		}
	}
	// What is no line ends the request in another place: that is not the question.
	if strings.ContainsAny(r.target, " \r\n") || slices.ContainsFunc(r.fields, func(f string) bool { return strings.HasPrefix(f, "\r\n") }) {
		return mutate(random, rows)
	}
	return r
}

func mutateText(random *rand.Rand, text string) string {
	at := random.IntN(len(text) + 1)
	to := at + random.IntN(min(len(text)-at, 8)+1)
	switch scrap := scraps[random.IntN(len(scraps))]; random.IntN(5) {
	case 0:
		return text[:at] + text[to:]
	case 1:
		return text[:to] + text[at:]
	case 2:
		if at < len(text) {
			const hex = "0123456789abcdef"
			return text[:at] + "%" + string(hex[text[at]>>4]) + string(hex[text[at]&15]) + text[at+1:]
		}
		return text + scrap
	case 3:
		return text[:at] + strings.ToUpper(text[at:to]) + text[to:]
	default:
		return text[:at] + scrap + text[to:]
	}
}

// TestBackendsReadMutationsTheSame is TestBackendsReadTheSame with requests that
// nobody has thought of: go test ./cmd/postern -run Mutations -mutations 100000.
func TestBackendsReadMutationsTheSame(t *testing.T) {
	rows := differentialRows()
	for name, startBackend := range backends {
		t.Run(name, func(t *testing.T) {
			d := newDifferential(t, startBackend)
			random, allowed := rand.New(rand.NewPCG(*seed, 0)), 0
			for range *mutations {
				r := mutate(random, rows)
				if _, seen := d.send(t, r, d.postern); seen != nil {
					allowed++
					for _, fault := range d.misread(r, seen) {
						t.Errorf("%q: %s", r, fault)
					}
				}
			}
			t.Logf("of %d requests %d are allowed", *mutations, allowed)
			if allowed < *mutations/10 {
				t.Errorf("only %d are allowed", allowed)
			}
		})
	}
}
