package main

import "strings"

// differentialRow is a request in which backends may see another customer.
type differentialRow struct {
	name string
	rawRequest
	served bool // it is a good one
}

const (
	asAnn      = "Authorization: JWT ${token}"
	typeJSON   = "Content-Type: application/json"
	typeForm   = "Content-Type: application/x-www-form-urlencoded"
	typeParts  = "Content-Type: multipart/form-data; boundary=b"
	isChunked  = "Transfer-Encoding: chunked"
	partOfBob  = "--b\r\nContent-Disposition: form-data; name=\"customer_id\"\r\n\r\nbob\r\n--b--\r\n"
	jsonOfAnn  = `{"customer_id":"ann"}`
	jsonOfBob  = `{"customer_id":"bob"}`
	formOfAnn  = "customer_id=ann"
	cookieName = "Cookie: customer_id="
)

// differentialRows are good requests, which every backend must be reached by,
// and attacks.
func differentialRows() (rows []differentialRow) {
	add := func(served bool, method, target, body string, fields ...string) {
		name := strings.Join(append([]string{method, target}, append(fields, body)...), " | ")
		if len(name) > 150 {
			name = name[:150]
		}
		rows = append(rows, differentialRow{name, rawRequest{method, target, append([]string{asAnn}, fields...), body}, served})
	}
	served := func(method, target, body string, fields ...string) { add(true, method, target, body, fields...) }
	served("GET", "/path/ann", "")
	served("GET", "/path/%61nn", "")
	served("GET", "/query?customer_id=ann", "")
	served("GET", "/query?x=%26customer_id%3dbob&customer_id=a%6en", "")
	served("GET", "/header", "", "X-Customer-Hint: ann")
	served("GET", "/header", "", "x-customer-HINT: \t ann \t")
	served("GET", "/cookie", "", cookieName+"ann; a=b")
	served("POST", "/json", jsonOfAnn, typeJSON)
	served("POST", "/json", `{"x":1e999,"customer_id":"\u0061nn"}`, "Content-Type: application/json; charset=utf-8")
	served("POST", "/form", "a=b&customer_id=ann", typeForm)
	served("POST", "/form", "a=%26customer_id%3dbob&customer_id=a%6en", typeForm)
	served("GET", "/public/x", "")
	served("GET", "/forward/x", "")
	// Who claims to be somebody else, or elsewhere, is not believed.
	served("GET", "/public/x", "", "X-Customer-Id: bob", "X-CUSTOMER-ID: bob", "X_Customer_Id: bob", "X-Customer_Id: bob", "X.Customer.Id: bob", "X-Checked: admin", "X_Checked: admin")
	served("GET", "/path/ann", "", "X-Customer-Id: bob", "X_Customer_Id: bob", "X-Customer-Id: carl", "X-Checked: admin", "X_CHECKED: admin")
	served("POST", "/json", jsonOfAnn, typeJSON, isChunked, "Trailer: X-Customer-Id", "TE: trailers")
	served("POST", "/path/ann", "a", isChunked)
	served("POST", "/path/ann", "a=b", "X-HTTP-Method-Override: DELETE", "X_HTTP_Method_Override: DELETE", "X-Http-Method: PUT", "X-Method-Override: PATCH")
	served("GET", "/public/x", "", "X-Original-URL: /admin/x", "X-Rewrite-URL: /admin/x", "X-Forwarded-Prefix: /admin", "X_Original_Url: /admin/x")
	served("GET", "/public/x", "", "X-Api-Key: k", "X_Api_Key: k"[:0]+"Proxy-Authorization: Basic YTpi", "Cookie: session=s; a=b")
	served("GET", "/public/x?token=t&a=b", "")
	served("GET", "/forward/x", "", "X-Api-Key: k", "Proxy-Authorization: Basic YTpi")

	get := func(target string, fields ...string) { add(false, "GET", target, "", fields...) }
	for _, path := range []string{
		"bob", "bob/../ann", "ann/../bob", "ann%2f..%2fbob", "bob%2f..%2fann", `ann\..\bob`, "ann%5c..%5cbob", "ann;x=bob", "bob;/../ann", "ann%3bbob", "ann%00", "ann%00bob", "bob%00ann",
		"%62ob", "%2562ob", "%25%36%32ob", "ANN", "ann.", "ann%20", "ann/", "ann//", "/ann", "./ann", "%2e/ann", "%2e%2e/path/ann", "..;/path/ann", "ann%0a", "ann%0d%0abob", "ann?/../bob", "ann#/../bob",
		"ann%23bob", "ann%3fbob", "%c1%a1nn", "a%cc%82nn", "ann%ff", "an%EF%BD%8E", "ann:bob", "ann,bob", "ann&bob", "*", "{customer}",
	} {
		get("/path/" + path)
	}
	for _, path := range []string{
		"/admin/x", "/ADMIN/x", "/Admin/x", "//admin/x", "///admin/x", "/./admin/x", "/%2e/admin/x", "/%61dmin/x", "/%2561dmin/x", "/admin%2fx", "/admin%2f/x", "/admin./x", "/admin%20/x", "/admin;/x", "/admin;a=b/x",
		`/admin\x`, `\admin\x`, "/admin%5cx", "/admin%00/x", "/admin", "/public/../admin/x", "/public/%2e%2e/admin/x", "/public/.%2e/admin/x", "/public/%252e%252e/admin/x", "/public/..%2fadmin/x",
		"/public%2f..%2fadmin/x", "/public/..;/admin/x", `/public/..\admin/x`, "/public/..%5cadmin/x", "/public/..%00/admin/x", "/public/%c0%ae%c0%ae/admin/x", "/public/..%c0%afadmin/x", "/public/x/../../admin/x",
		"/public/x?/../../admin/x", "/public/x#/../../admin/x", "/public/..#/admin/x", "/public/%23/../../admin/x", "http://shop.example/admin/x", "http://shop.example//admin/x", "http://other.example/admin/x",
		"HTTP://SHOP.EXAMPLE/admin/x", "http:/admin/x", "http:admin/x", "http://shop.example?/admin/x", "http://shop.example\\admin/x", "admin/x", "?/admin/x", "*", "/public/x%0d%0aX-Checked:%20admin", "/..public/../admin/x",
		"/PUBLIC/x", "/public", "/public//x", "/p%75blic/x", "/QUERY?customer_id=bob", "/query/?customer_id=bob", "/json/", "/Path/bob",
	} {
		get(path)
		rows[len(rows)-1].fields = nil
	}
	for _, query := range []string{
		"customer_id=bob", "customer_id=ann&customer_id=bob", "customer_id=bob&customer_id=ann", "customer_id=ann&customer_id", "customer_id[]=bob", "customer_id=ann&customer_id[]=bob", "customer_id[]=bob&customer_id=ann",
		"customer_id=ann&customer_id[0]=bob", "customer_id=ann&customer_id%5B%5D=bob", "customer_id=ann&customer_id%5ba%5d=bob", "customer_id=ann&customer_id[=bob", "customer_id=ann&customer.id=bob", "customer_id=ann&customer+id=bob",
		"customer_id=ann&customer%20id=bob", "customer_id=ann&customer[id=bob", "customer_id=ann&customer_id.x=bob", "customer_id=ann&%63ustomer_id=bob", "customer_id=ann&customer%5fid=bob", "customer_id=ann&CUSTOMER_ID=bob",
		"customer_id=ann;customer_id=bob", "x;customer_id=bob&customer_id=ann", "customer_id=ann&customer_id%00=bob", "customer_id=ann&customer_id%00x=bob", "customer_id=ann&%00customer_id=bob", "customer_id=ann&+customer_id=bob",
		"customer_id=ann&%20customer_id=bob", "customer_id=ann&%09customer_id=bob", "customer_id=ann&customer_id+=bob", "customer_id=ann%00bob", "customer_id=ann%00", "customer_id=ann+", "customer_id=+ann", "customer_id=ann%26customer_id=bob",
		"customer_id=ann?customer_id=bob", "?customer_id=bob&customer_id=ann", "customer_id=ann#&customer_id=bob", "customer_id=ann&amp;customer_id=bob", "customer_id=ann&cu%C5%BFtomer_id=bob", "customer_id=ann,bob", "customer_id==ann",
		"customer_id=ann&__proto__[customer_id]=bob", "customer_id=ann&constructor[prototype][customer_id]=bob", "customer_id=ann&[customer_id]=bob", "customer_id=ann&[]customer_id=bob", "customer_id=ann&]customer_id=bob", "customer_id=%61nn&customer%ID=bob",
		"customer_id=ann&customer_id=%zz", "customer_id=ann&%zz=1&customer_id=bob", "customer_id=an%FFn", "customer_id=ann%0d%0a", "customer_id=&customer_id=ann", "customer_id", "&&customer_id=bob&&", "customer_id=ann&customer_id[__proto__]=bob",
		strings.Repeat("a&", 999) + "customer_id=ann&customer_id=bob", strings.Repeat("a=1&", 1000) + "customer_id=bob", "customer_id=ann&customer%5Bid=bob", "customer_id=ann&customer%2Eid=bob", "customer_id=ann&customer%2bid=bob", "_method=DELETE&customer_id=bob",
	} {
		get("/query?" + query)
	}
	for _, fields := range [][]string{
		{"X-Customer-Hint: bob"}, {"X-Customer-Hint: ann", "X-Customer-Hint: bob"}, {"X-Customer-Hint: bob", "X-Customer-Hint: ann"}, {"X-Customer-Hint: ann", "X_Customer_Hint: bob"}, {"X_Customer_Hint: bob", "X-Customer-Hint: ann"},
		{"X-Customer-Hint: ann", "X-Customer_Hint: bob"}, {"X-Customer-Hint: ann", "X.Customer.Hint: bob"}, {"X-Customer-Hint: ann", "x-customer-hint: bob"}, {"X-Customer-Hint: ann, bob"}, {"X-Customer-Hint: ann\r\n bob"},
		{"X-Customer-Hint:", "X-Customer-Hint: ann"}, {"X-Customer-Hint : bob", "X-Customer-Hint: ann"}, {"X-Customer-Hint: \x0bann"}, {"X-Customer-Hint: ann\x0c"}, {"X-Customer-Hint: ann\xa0"}, {"X-Customer-Hint: \"ann\""}, {"X-Customer-Hint: ann\x00"},
		{"X-Customer-Hint: ann\rX-Customer-Hint: bob"}, {"X-Customer-Hint: ann\nX-Customer-Hint: bob"}, {"X-Customer-Hint: ann", "Connection: X-Customer-Hint"}, {"X-Customer-Hint: =?utf-8?q?bob?="}, {"X-Customer-Hint: %61nn"},
	} {
		get("/header", fields...)
	}
	for _, value := range []string{
		"bob", "ann; customer_id=bob", "bob; customer_id=ann", "ann;customer_id=bob", "ann,customer_id=bob", "ann, customer_id=bob", `"ann"`, `"ann\"; customer_id=bob"`, `"ann; customer_id=bob"`, "ann; CUSTOMER_ID=bob", "ann; customer.id=bob",
		"ann; customer id=bob", "ann; customer_id[]=bob", "ann; customer_id[0]=bob", "ann; customer_id%00=bob", "ann; customer%5Fid=bob", "ann; customer_id =bob", "ann;\tcustomer_id=bob", "ann;customer_id\t=bob", "%62ob", "a%6en", "ann+", "j:\"bob\"", "j:[\"bob\"]",
		"ann; $Version=1; customer_id=bob", "ann\r\nCookie: customer_id=bob", "ann\r\ncookie: customer_id=bob", "ann\r\nCookie2: customer_id=bob", "ann; =customer_id=bob", "ann; customer[id=bob", "ann; customer_id", "ann\\073 customer_id=bob", "", "ann\x00bob", "ann\xff",
		"ann; customer_id=bob\x00", "ann; __Host-customer_id=bob", "ann; Path=/; customer_id=bob", "ann; expires=\"a; customer_id=bob\"", "ann; a={\"; customer_id=bob", "ann; a=[b]; customer_id=bob", "ann;; customer_id=bob",
	} {
		get("/cookie", cookieName+value)
	}
	get("/cookie", "Cookie: $Version=\"1\"; customer_id=bob; $Path=\"/\"")
	get("/cookie", "Cookie: a=\"; customer_id=bob; b=\"; customer_id=ann")
	addCredentialRows(get)
	addBodyRows(func(target, body string, fields ...string) { add(false, "POST", target, body, fields...) })
	return rows
}

// addCredentialRows adds requests with two readings of their credential.
func addCredentialRows(get func(target string, fields ...string)) {
	for _, fields := range [][]string{
		{asAnn}, {"Authorization_: x"}, {"authorization: Basic Ym9iOmJvYg=="}, {"Proxy-Authorization: Basic Ym9iOmJvYg=="}, {"X-Api-Key: k"}, {"X_Api_Key: k"}, {"X.Api.Key: k"}, {"Cookie: session=${token}"}, {"Cookie: session=t; SESSION=u"},
		{"Cookie: session%00=t"}, {"Cookie: session[]=t"}, {"Cookie: a=\"; session=t; b=\""}, {"Cookie: session =t"}, {"Cookie: a=b;session=t;"}, {"Cookie: a=b, session=t"}, {"Cookie: a=b\r\nCookie: session=t"}, {"Authorization:\r\n Basic Ym9iOmJvYg=="},
		{"Authorization : Basic Ym9iOmJvYg=="}, {"Authorization\x00: Basic Ym9iOmJvYg=="}, {"Php-Auth-User: bob"}, {"Cookie: session=\"t\""}, {"Cookie:\tsession=t"}, {"Cookie: \x0bsession=t"},
	} {
		for _, target := range []string{"/public/x", "/forward/x", "/path/ann"} {
			get(target, fields...)
		}
	}
	for _, query := range []string{
		"token=t", "token[]=t", "token%5B%5D=t", "TOKEN=t", "token%00=t", "+token=t", "token.x=t", "%74oken=t", "token=${token}", "token=a&token=b", "a;token=t", "token[=t", "token+=t", "a=b?token=t", "[token]=t", "]token=t", "token]=t",
	} {
		for _, target := range []string{"/public/x?", "/forward/x?", "/path/ann?"} {
			get(target + query)
		}
	}
}
