package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"postern/policy"
)

func TestParseObjectDuplicates(t *testing.T) {
	for _, members := range []int{2, 16, 17, 40} {
		var list []string
		for i := range members {
			list = append(list, fmt.Sprintf(`"m%d":{"a":%d}`, i, i))
		}
		text := strings.Join(list, ",")
		object, err := policy.ParseObject([]byte("{" + text + "}"))
		if err != nil || len(object) != members {
			t.Errorf("%d members: %v, %v", members, object, err)
		}
		for _, doubled := range []string{
			"{" + text + `,"m0":1}`, "{" + text + `,"m\u0030":1}`, `{"o":{` + text + `,"m1":1}}`, `{"l":[{` + text + `,"m1":1}]}`, "{" + text + `,"o":{"a":1,"a":1}}`,
		} {
			if object, err := policy.ParseObject([]byte(doubled)); err == nil {
				t.Errorf("%s is read as %v", doubled, object)
			}
		}
	}
}
