package aaa

import (
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

var words = schema.Words{
	"show user-account":       "User accounts",
	"show role":               "Roles of users",
	"show aaa":                "Authentication of users",
	"show aaa authentication": "How users are authenticated",
}

var shows = []feature.Show{
	{Line: "show user-account [<user>]", Words: words, Help: "User accounts",
		Types: map[string]schema.AnyType{"user": UserName}, Run: showAccounts},
	{Line: "show role [name <role>]", Words: schema.Words{"show role": words["show role"], "show role name": "One role"},
		Help: "Roles of users", Types: map[string]schema.AnyType{"role": roleName}, Run: showRoles},
	{Line: "show aaa authentication", Words: words, Help: "How users are authenticated", Run: showAuthentication},
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
					{Key: "usr_name", Value: u}, {Key: "expire_date", Value: noExpiry},
					{Key: "role", Value: string(Role(q.Running, u))},
				}
				if key := Key(q.Running, u); key != nil {
					keys = append(keys, feature.Pair{Key: "sshkey_info", Value: keyText(key)})
				}
				return keys
			}),
	}}, nil
}

const noExpiry = "this user account has no expiry date"

func accountText(t tree.Tree, u string) string {
	text := fmt.Sprintf("user:%s\n        %s\n        roles:%s\n", u, noExpiry, Role(t, u))
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

// method is how one service authenticates.
type method struct{ service, method string }

func showAuthentication(feature.Query) (feature.Screen, error) {
	return feature.Screen{{
		Name: "AuthenMethods",
		Rows: feature.Rows([]method{{"default", "local"}, {"console", "local"}},
			func(m method) string { return fmt.Sprintf("         %s: %s\n", m.service, m.method) },
			func(m method) []feature.Pair {
				return []feature.Pair{{Key: "service", Value: m.service}, {Key: "method", Value: m.method}}
			}),
	}}, nil
}
