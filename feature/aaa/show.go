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
		Help: "Roles of users", Types: map[string]schema.AnyType{"role": role}, Run: showRoles},
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

// builtinRole is one of the roles that there are.
type builtinRole struct {
	name                feature.Role
	description, access string
}

var roles = []builtinRole{
	{feature.NetworkAdmin, "Built-in role that may run every command", "read-write"},
	{feature.NetworkOperator, "Built-in role that may run commands that change nothing", "read"},
}

func showRoles(q feature.Query) (feature.Screen, error) {
	list := roles
	if name, given := feature.Value[string](q.Args, "role"); given {
		i := slices.IndexFunc(roles, func(r builtinRole) bool { return string(r.name) == name })
		list = roles[i : i+1]
	}
	first := list[0].name
	return feature.Screen{{
		Name: "role",
		Rows: feature.Rows(list,
			func(r builtinRole) string {
				text := ""
				if r.name != first {
					text = "\n"
				}
				rule := "  -------------------------------------------------------------------\n"
				return text + fmt.Sprintf("Role: %s\n  Description: %s\n%s  Rule    Perm    Type        Scope               Entity\n%s  1       permit  %s\n",
					r.name, r.description, rule, rule, r.access)
			},
			func(r builtinRole) []feature.Pair {
				return []feature.Pair{
					{Key: "role_name", Value: string(r.name)}, {Key: "role_description", Value: r.description},
					{Key: "rule_num", Value: 1}, {Key: "rule_action", Value: "permit"}, {Key: "rule_type", Value: r.access},
				}
			}),
	}}, nil
}

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
