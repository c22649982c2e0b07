package quota

import (
	"fmt"
	"testing"
)

// TestCounter has users take all that they can get.
func TestCounter(t *testing.T) {
	limits := Limits{Total: 10, Reserved: 3, Each: 5}
	var c Counter
	take := func(user string, admin bool, want int) {
		t.Helper()
		n := 0
		for c.Take(limits, user, admin) {
			n++
		}
		if n != want {
			t.Errorf("%s took %d, want %d", user, n, want)
		}
	}
	take("eve", false, 5)     // no user has it all
	take("mallory", false, 2) // all together leave the reserve
	take("bob", false, 0)
	take("admin", true, 3)
	take("root", true, 0)
	c.Give("eve", false)
	take("admin", true, 1)
	take("bob", false, 0) // what is left is the administrators'
	for range 4 {
		c.Give("eve", false)
		c.Give("admin", true)
	}
	for range 2 {
		c.Give("mallory", false)
	}
	if c.all != 0 || c.plain != 0 || len(c.users) != 0 {
		t.Errorf("all given back: %s", fmt.Sprint(c.all, c.plain, c.users))
	}
}
