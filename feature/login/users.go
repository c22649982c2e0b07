package login

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

var showUsers = feature.Show{
	Line: "show users", Help: "Users logged in",
	Run: func(q feature.Query) (feature.Screen, error) {
		return feature.Screen{{
			Name:    "sessions",
			Heading: fmt.Sprintf("%-8s %-12s %-12s %s\n", "NAME", "LINE", "TIME", "IDLE          PID COMMENT"),
			Rows: feature.Rows(q.State.Logins,
				func(l feature.Login) string {
					return strings.TrimRight(fmt.Sprintf("%-8.8s %-12s %-12s   %-5s%10d %s",
						l.User, l.Line, since(q, l), idle(l.Idle), l.PID, comment(q, l)), " ") + "\n"
				},
				func(l feature.Login) []feature.Pair {
					return []feature.Pair{
						{Key: "p_user", Value: l.User},
						{Key: "p_terminal", Value: l.Line},
						{Key: "p_time", Value: since(q, l)},
						{Key: "p_idle", Value: idle(l.Idle)},
						{Key: "p_pid", Value: strconv.Itoa(l.PID)},
						{Key: "p_comment", Value: comment(q, l)},
					}
				}),
		}}, nil
	},
}

func since(q feature.Query, l feature.Login) string {
	return l.Since.In(q.Now.Location()).Format("Jan _2 15:04")
}

// idle is hours and minutes, "." for less than a minute.
func idle(d time.Duration) string {
	if d < time.Minute {
		return "."
	}
	d = min(d, 100*time.Hour-time.Minute)
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// comment says where somebody comes from, and marks who asks.
func comment(q feature.Query, l feature.Login) string {
	var words []string
	if l.Address != "" {
		words = append(words, "("+l.Address+")", "session=ssh")
	}
	if l.ID == q.Session.Login {
		words = append(words, "*")
	}
	return strings.Join(words, " ")
}

// lineName is the type of a line: pts/3, its number 3, or console0.
var lineName = func() schema.Type[string] {
	t := schema.Word("line", "Line: a number, pts/<number> or console0", 16)
	word := t.Parse
	t.Parse = func(s string) (string, error) {
		name, number := strings.CutPrefix(s, "pts/")
		n, err := strconv.ParseUint(name, 10, 16)
		switch {
		case err == nil:
			return fmt.Sprintf("pts/%d", n), nil
		case number:
			return "", schema.ErrInvalid
		}
		return word(s)
	}
	return t
}()

var clearLine = feature.Exec{
	Line: "clear line <line>", Help: "End the session of a line",
	Types: map[string]schema.AnyType{"line": lineName},
	Run: func(_ context.Context, q feature.Query, host feature.Host, _ feature.Output) error {
		name, _ := feature.Value[string](q.Args, "line")
		if !disconnect(q, host, func(l feature.Login) bool { return l.Line == name }) {
			return feature.Error("ERROR: Line does not exist: " + name)
		}
		return nil
	},
}

var clearUser = feature.Exec{
	Line: "clear user <user>", Help: "End the sessions of a user, but for this one",
	Types: map[string]schema.AnyType{"user": schema.Word("user", "User name", 28)},
	Run: func(_ context.Context, q feature.Query, host feature.Host, _ feature.Output) error {
		name, _ := feature.Value[string](q.Args, "user")
		if !disconnect(q, host, func(l feature.Login) bool { return l.User == name && l.ID != q.Session.Login }) {
			return feature.Error("ERROR: User is not logged in: " + name)
		}
		return nil
	},
}

// disconnect ends the sessions for which which is true and reports whether there
// were any.
func disconnect(q feature.Query, host feature.Host, which func(feature.Login) bool) bool {
	found := false
	for _, l := range q.State.Logins {
		if which(l) && host.Disconnect(l.ID) {
			found = true
		}
	}
	return found
}
