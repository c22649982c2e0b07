package scrape

import "testing"

func TestRow(t *testing.T) {
	row := Row("%-6s %3d  %-4s(%s", `\w+`, `\d+`, `up|down|`, `\d+\)`)
	last := Row("%-4s %10s", `\w+`, `\d+`)
	for _, c := range []struct {
		p    Pattern
		line string
		want bool
	}{
		{row, "mgmt0    7  up  (12)", true},
		{row, "mgmt01 100  down(1)", true},
		{row, "mgmt0    7      (12)", true},
		{row, "mgmt0    7  up   (12)", false}, // shifted
		{row, "mgmt012  7  up  (12)", false},  // too long, its gap taken
		{row, "mgmt012 100  up  (12)", false}, // too long, the rest shifted
		{row, "mgmt0    7  gone(12)", false},  // no such value
		{row, "mgmt0    7  up  (12) more", false},
		{row, "", false},
		{last, "a             12", true},
		{last, "a    12", false}, // on the wrong side
		{last, "a 1234567890123", false},
		{Row("%-4s %s", `\w+`, `|\w+`), "a", true}, // blanks at the end need not be there
		{Row("%-4s %s", `\w+`, `\w+`), "a", false},
		{Literal("a (b)"), "a (b)", true},
		{Literal("a (b)"), "a (b) ", false},
		{Line(`a|b`), "ab", false},
	} {
		if got := c.p.Matches(c.line); got != c.want {
			t.Errorf("%s matches %q: %t", c.p, c.line, got)
		}
	}
}
