package main

import (
	"strings"
	"unicode/utf16"
)

// addBodyRows adds bodies with two readings.
func addBodyRows(post func(target, body string, fields ...string)) {
	for _, body := range []string{
		jsonOfBob, `{"customer_id":"ann","customer_id":"bob"}`, `{"customer_id":"bob","customer_id":"ann"}`, `{"customer_id":"ann","Customer_Id":"bob"}`, `{"CUSTOMER_ID":"bob","customer_id":"ann"}`, `{"customer_id":"ann","customer\u005fid":"bob"}`,
		`{"customer\u005fid":"bob","customer_id":"ann"}`, `{"customer_id":"ann","cu\u017ftomer_id":"bob"}`, `{"cu` + "\u017f" + `tomer_id":"bob","customer_id":"ann"}`, "\ufeff" + jsonOfBob, "\ufeff" + jsonOfAnn, utf16LE(jsonOfBob), "\xff\xfe" + utf16LE(jsonOfBob),
		jsonOfAnn + jsonOfBob, jsonOfAnn + "\n" + jsonOfBob, jsonOfAnn + ",", jsonOfAnn + "\x00", jsonOfAnn + "//" + jsonOfBob, "/*" + jsonOfBob + "*/" + jsonOfAnn, `{"customer_id":["ann"]}`, `{"customer_id":["ann","bob"]}`, `{"customer_id":{"0":"ann"}}`,
		`[{"customer_id":"ann"}]`, `{"customer_id":"ann\u0000"}`, `{"customer_id":"ann\ud800"}`, `{"customer_id":"ann","customer_id\u0000":"bob"}`, `{"customer_id":"ann","customer_id\ud800":"bob"}`, `{"__proto__":{"customer_id":"bob"}}`,
		`{"__proto__":{"customer_id":"bob"},"customer_id":"ann"}`, `{"constructor":{"prototype":{"customer_id":"bob"}},"customer_id":"ann"}`, `{"customer_id":9007199254740993}`, `{"customer_id":1e400}`, `{"customer_id":NaN}`, `{customer_id:"bob"}`, `{'customer_id':'bob'}`,
		`{"customer_id":"ann",}`, `{"customer_id":"ann"`, `{"a":{"customer_id":"ann"},"customer_id":"bob"}`, `{"customer_id":"ann","a":"` + "\xff" + `"}`, `{"customer_id":"ann","customer` + "\xc1\x9f" + `id":"bob"}`, `{"customer_id":null}`, `{}`, `null`, `"customer_id=bob"`,
		strings.Repeat(`{"a":`, 600) + "1" + strings.Repeat("}", 600), `{"customer_id":"ann","a":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `,"customer_id":"bob"}`, "customer_id=bob", partOfBob, "  " + jsonOfBob, "\x0b" + jsonOfBob, "\u00a0" + jsonOfBob,
		`{"customer_id":"ann"}&customer_id=bob`, `{"customer_id":"ann","&customer_id":"bob"}`, `{"customer_id":"ann","x":"&customer_id=bob&"}`,
	} {
		post("/json", body, typeJSON)
	}
	for _, fields := range [][]string{
		{}, {"Content-Type: text/plain"}, {"Content-Type: application/json; charset=utf-16le"}, {"Content-Type: application/json; charset=utf-7"}, {"Content-Type: application/json;charset=utf-8;charset=utf-16"}, {typeJSON, typeForm}, {typeForm, typeJSON},
		{"Content-Type: application/json, application/x-www-form-urlencoded"}, {"Content-Type: application/x-www-form-urlencoded, application/json"}, {"Content-Type: application/json; boundary=b"}, {typeParts}, {"Content-Type: multipart/form-data; boundary=b; x=application/json"},
		{typeForm}, {"Content-Type: application/x-www-form-urlencoded; a=+json"}, {"Content-Type: application/vnd.api+json"}, {"Content-Type: text/json"}, {typeJSON, "Content_Type: application/x-www-form-urlencoded"}, {typeForm, "Content_Type: application/json"},
		{"Content-Type: application/json;multipart/form-data; boundary=b"}, {"content-type:application/json"}, {"Content-Type: APPLICATION/JSON"}, {"Content-Type:\tapplication/json\t"}, {"Content-Type: application/json\r\n ; charset=utf-16"}, {"Content-Type:"},
		{typeJSON, "Content-Encoding: gzip"}, {typeJSON, "Content-Encoding: deflate"}, {typeJSON, "Content-Encoding: br"}, {typeJSON, "Content-Encoding: gzip, gzip"}, {typeJSON, "Content-Encoding: x-gzip"}, {typeJSON, "Content-Encoding: identity"}, {typeJSON, "Content_Encoding: gzip"},
		{typeJSON, isChunked}, {typeForm, isChunked}, {typeParts, isChunked}, {typeJSON, "Transfer_Encoding: chunked"}, {typeJSON, "Content_Length: 3"}, {typeJSON, "Expect: 100-continue"}, {"Content-Type: application/json; charset*=utf-8''utf-16"},
	} {
		for _, body := range []string{
			jsonOfAnn, jsonOfBob, formOfAnn, "customer_id=bob", partOfBob, compressed([]byte(jsonOfAnn)), compressed([]byte(jsonOfBob)), compressed([]byte(jsonOfAnn)) + compressed([]byte(jsonOfBob)), compressed([]byte(jsonOfAnn)) + "&customer_id=bob",
			compressed([]byte(compressed([]byte(jsonOfBob)))), compressed([]byte(formOfAnn)), compressed([]byte(formOfAnn)) + "&customer_id=bob", compressed([]byte(formOfAnn)) + compressed([]byte("&customer_id=bob")), utf16LE(jsonOfBob),
		} {
			post("/json", body, fields...)
			post("/form", body, fields...)
		}
	}
	for _, body := range []string{
		"customer_id=bob", "customer_id=ann&customer_id=bob", "customer_id=bob&customer_id=ann", "customer_id[]=bob", "customer_id=ann&customer_id[]=bob", "customer_id=ann&customer_id%5b%5d=bob", "customer_id=ann&customer.id=bob", "customer_id=ann&customer+id=bob",
		"customer_id=ann&customer[id=bob", "customer_id=ann;customer_id=bob", "customer_id=ann&CUSTOMER_ID=bob", "customer_id=ann&customer_id%00=bob", "customer_id=ann&%00customer_id=bob", "customer_id=ann&+customer_id=bob", "customer_id=ann&%63ustomer_id=bob",
		"\ufeffcustomer_id=bob&customer_id=ann", "customer_id=ann\r\n&customer_id=bob", "customer_id=ann\n", "customer_id=ann%0a", "customer_id=ann&\r\ncustomer_id=bob", "customer_id=ann&\ncustomer_id=bob", "customer_id=ann&_charset_=utf-16&customer_id=bob", "customer_id=ann\x00&customer_id=bob",
		"customer_id=ann&%zz&customer_id=bob", "customer_id=an%ffn", "customer_id=ann&customer_id", "?customer_id=bob&customer_id=ann", "customer_id=ann&utf8=%E2%9C%93&customer_id=bob", strings.Repeat("a=1&", 1000) + "customer_id=bob", strings.Repeat("a=1&", 999) + "customer_id=ann&customer_id=bob",
		"customer_id=ann&__proto__[customer_id]=bob", "customer_id=ann&_method=DELETE", jsonOfBob, jsonOfBob + "&customer_id=ann", partOfBob, "customer_id=ann&[customer_id]=bob", "customer_id=ann&customer_id[__proto__]=bob", "customer_id=ann&customer_id]=bob", "", "customer_id=ann&c%u0075stomer_id=bob",
	} {
		post("/form", body, typeForm)
	}
	post("/form", "customer%5Fid=bob&customer_id=ann", typeForm)
	post("/form?customer_id=bob", formOfAnn, typeForm)
	post("/query?customer_id=ann", "customer_id=bob", typeForm)
}

func utf16LE(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}
