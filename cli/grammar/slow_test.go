package grammar

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"trunkline/config/schema"
	"trunkline/config/template"
)

// Lines made to cost as much as possible are still cheap.
func TestAdversarialLines(t *testing.T) {
	table := testTable(t)
	// As many options as there may be, none of which a word tells apart.
	var options []string
	types := map[string]schema.AnyType{"host": schema.IPv4}
	for i := range template.MaxOptions {
		name := fmt.Sprint("v", i)
		options = append(options, fmt.Sprintf("s%c <%s>", 'a'+i, name))
		types[name] = schema.Word("word", "Word", 8)
	}
	many, err := NewTable(Command{Template: "try <host> [" + strings.Join(options, "|") + "]*", Types: types})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		strings.Repeat("s ", 1024),
		"show i " + strings.Repeat("s ", 1000),
		"vlan " + strings.Repeat("1-4094,", 290),
		"interface veth1-8000," + strings.Repeat("1-8000,", 280),
		"interface " + strings.Repeat("e3/1,", 400),
		"interface veth1-1048575",
		"vlan " + strings.Repeat("1,", 1000),
		`"` + strings.Repeat(`" "`, 600),
		"description " + strings.Repeat("x", 2030),
	} {
		begin := time.Now()
		many.Match("try 10.0.0.1 "+line[:min(len(line), 2000)], Typed)
		many.Help("try 10.0.0.1 " + line[:min(len(line), 2000)])
		table.Match(line, Typed)
		table.Match(line, Replayed)
		table.Help(line)
		table.Complete(line, nil)
		if d := time.Since(begin); d > time.Second {
			t.Errorf("%.40q took %v", line, d)
		} else {
			t.Logf("%.40q took %v", line, d)
		}
	}
}
