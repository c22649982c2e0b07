package aaa

import (
	"fmt"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// date is the type of days, YYYY-MM-DD.
var date = schema.Type[string]{
	Name:   "date",
	Syntax: schema.Syntax{Notation: "WORD", Help: "Day in the form YYYY-MM-DD", Samples: []string{"2030-01-31", "2031-12-01"}},
	Parse: func(s string) (string, error) {
		if t, err := time.Parse(time.DateOnly, s); err != nil || t.Year() < 1 {
			return "", schema.ErrInvalid
		}
		return s, nil
	},
	Format: func(s string) string { return s },
	Yang:   `string { pattern "[0-9]{4}-[0-9]{2}-[0-9]{2}"; }`,
}

// Expiry is the moment from which on a user may not log in, the end of his last
// day in UTC; zero for never.
func Expiry(t tree.Tree, user string) time.Time {
	day, err := time.Parse(time.DateOnly, feature.Read(t, path(user, "expire"), ""))
	if err != nil {
		return time.Time{}
	}
	return day.AddDate(0, 0, 1)
}

// Expired reports whether a user may not log in any more.
func Expired(t tree.Tree, user string, now time.Time) bool {
	end := Expiry(t, user)
	return !end.IsZero() && !now.Before(end)
}

// Rejected says after how many failed logins within a time a user is locked out,
// and for how long, in seconds. The time begins with the first of them. Zero is
// never.
type Rejected struct{ Attempts, Within, Ban uint32 }

// Lockout returns when users are locked out.
func Lockout(t tree.Tree) Rejected {
	return feature.Read(t, tree.Path{{Name: "aaa"}, {Name: "rejected"}}, Rejected{})
}

// rejected is the type of Rejected.
var rejected = schema.Type[Rejected]{
	Name: "rejected",
	Syntax: schema.Syntax{
		Forms: []string{"<attempts> in <within> ban <ban>"},
		Types: map[string]schema.AnyType{
			"attempts": schema.Uint("attempts", "Number of failed logins", 1, 65535),
			"within":   schema.Uint("seconds", "Seconds in which they fail", 1, 65535),
			"ban":      schema.Uint("seconds", "Seconds for which the user is locked out", 1, 65535),
		},
		Words:   schema.Words{"in": "Time in which they fail", "in ban": "Time for which the user is locked out"},
		Samples: []string{"3 in 20 ban 300"},
	},
	Parse: func(s string) (Rejected, error) {
		var r Rejected
		n, err := fmt.Sscanf(s, "%d in %d ban %d", &r.Attempts, &r.Within, &r.Ban)
		if err != nil || n != 3 || r.String() != s || !counts(r.Attempts) || !counts(r.Within) || !counts(r.Ban) {
			return Rejected{}, schema.ErrInvalid
		}
		return r, nil
	},
	Format: Rejected.String,
}

func counts(n uint32) bool { return n >= 1 && n <= 65535 }

// String is the value on its line, "" for none.
func (r Rejected) String() string {
	if r == (Rejected{}) {
		return ""
	}
	return fmt.Sprintf("%d in %d ban %d", r.Attempts, r.Within, r.Ban)
}
