package aaa

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

var words = schema.Words{
	"show user-account": "User accounts",
	"show role":         "Roles of users",
	"show aaa":          "Authentication of users",
	"show aaa local":    "Local users", "show aaa local user": "Local users",
	"clear": "Reset functions", "clear aaa": "Authentication of users", "clear aaa local": "Local users",
	"clear aaa local user": "Local users", "clear aaa local user blocked": "Let users log in again who are locked out",
	"clear aaa local user blocked username": "One user",
	"show aaa authentication":               "How users are authenticated",
	"show aaa authentication login":         "Login of users",
}

var shows = []feature.Show{
	{Line: "show user-account [<user>]", Words: words, Help: "User accounts",
		Types: map[string]schema.AnyType{"user": UserName}, Run: showAccounts},
	{Line: "show role [name <role>]", Words: schema.Words{"show role": words["show role"], "show role name": "One role"},
		Help: "Roles of users", Types: map[string]schema.AnyType{"role": roleName}, Run: showRoles},
	{Line: "show aaa local user blocked", Words: words, Help: "Users who are locked out", Run: showBlocked},
	{Line: "show aaa groups", Words: words, Help: "Groups of servers", Run: showGroups},
	{Line: "show aaa authentication", Words: words, Help: "How users are authenticated", Run: showAuthentication},
	{Line: "show aaa authentication login error-enable", Words: words, Help: "Whether users are told that no server answered",
		Run: showFlag("error-enable", TellsErrors)},
	{Line: "show aaa accounting", Words: words, Help: "Who is told what users do", Run: showAccounting},
	{Line: "show aaa authorization", Words: words, Help: "Who says what users may do", Run: showAuthorization},
}

func showAccounts(q feature.Query) (feature.Screen, error) {
	users := Users(q.Running)
	if u, given := feature.Value[string](q.Args, "user"); given {
		if !slices.Contains(users, u) {
			return nil, feature.Error("ERROR: Username does not exist: " + u)
		}
		users = []string{u}
	}
	return feature.Screen{{
		Name: "template",
		Rows: feature.Rows(users,
			func(u string) string { return accountText(q.Running, u) },
			func(u string) []feature.Pair {
				keys := []feature.Pair{
					{Key: "usr_name", Value: u}, {Key: "expire_date", Value: expiryText(q.Running, u)},
					{Key: "role", Value: string(Role(q.Running, u))},
				}
				if key := Key(q.Running, u); key != nil {
					keys = append(keys, feature.Pair{Key: "sshkey_info", Value: keyText(key)})
				}
				return keys
			}),
	}}, nil
}

// expiryText says until when an account holds.
func expiryText(t tree.Tree, u string) string {
	if day := feature.Read(t, path(u, "expire"), ""); day != "" {
		return "expires on " + day
	}
	return noExpiry
}

// blockedTime is the layout of the end of a lock-out.
const blockedTime = "15:04:05 MST Jan _2 2006"

func showBlocked(q feature.Query) (feature.Screen, error) {
	state := func(b feature.Blocked) string {
		return "Watched (till " + b.Until.In(feature.Location(q.Running)).Format(blockedTime) + ")"
	}
	return feature.Screen{{
		Name: "blocked", Optional: true, Heading: fmt.Sprintf("%-31s %s\n", "Local-user", "State"),
		Rows: feature.Rows(q.State.Blocked,
			func(b feature.Blocked) string { return fmt.Sprintf("%-31s %s\n", b.User, state(b)) },
			func(b feature.Blocked) []feature.Pair {
				return []feature.Pair{{Key: "local_user", Value: b.User}, {Key: "state", Value: state(b)}}
			}),
	}}, nil
}

var execs = []feature.Exec{
	{Line: "clear aaa local user blocked all", Words: words, Help: "All users",
		Run: func(_ context.Context, _ feature.Query, host feature.Host, _ feature.Output) error {
			host.Unblock("")
			return nil
		}},
	{Line: "clear aaa local user blocked username <user>", Words: words, Help: "One user", Types: map[string]schema.AnyType{"user": UserName},
		Run: func(_ context.Context, q feature.Query, host feature.Host, _ feature.Output) error {
			user, _ := feature.Value[string](q.Args, "user")
			if !host.Unblock(user) {
				return feature.Error("ERROR: User is not locked out: " + user)
			}
			return nil
		}},
}

const noExpiry = "this user account has no expiry date"

func accountText(t tree.Tree, u string) string {
	text := fmt.Sprintf("user:%s\n        %s\n        roles:%s\n", u, expiryText(t, u), Role(t, u))
	if key := Key(t, u); key != nil {
		text += "        ssh public key: " + keyText(key) + "\n"
	}
	if !hasProof(t, u) {
		text += "        no password set, cannot log in\n"
	}
	return text
}

// keyText names a key by its fingerprint.
func keyText(key ssh.PublicKey) string { return key.Type() + " " + ssh.FingerprintSHA256(key) }
