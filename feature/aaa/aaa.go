// Package aaa is the feature of local users: their passwords, roles and keys
// (cli.md §2.1, §9.1, §9.2).
//
// A user is one line, username U password 5 HASH  role R, and one more for the
// key. A password typed in clear text becomes a secret as the line is read; the
// configuration, what is printed of it and what is kept of the line hold no
// clear text. Who may log in with what is decided by supervisor/aaa, which reads
// the configuration through this package.
//
// The last user with role network-admin who can log in cannot be removed, so no
// door but the local socket is ever locked by a configuration.
package aaa

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/secret"
)

// Config is the configuration of users as a whole.
type Config struct {
	Strength bool
	Rejected Rejected
}

// Account is the configuration of one user.
type Account struct {
	Password Password
	Role     string
	Expire   string // the last day, YYYY-MM-DD in UTC; "" for no end
	Key      string
}

const list = "users/user"

// Feature is the feature.
var Feature = feature.Feature{
	Name: "aaa",
	Schema: joinGroups(schema.Group{
		Blocks: []schema.Block{{
			Path: list, Keys: []schema.Key{{Name: "user", Type: UserName}},
			Line: "username <user> [password <password>|  role <role>|expire <expire>]*", Options: []string{"password", "role", "expire"},
			Amend: amend, Remain: remain, Section: 3, Order: 2, Help: "Configure a user",
		}},
		Leaves: append(schema.Augment([]string{list},
			schema.Bind("password", password, func(c *Account) *Password { return &c.Password }, "", "Password of the user"),
			schema.Bind("role", roles, func(c *Account) *string { return &c.Role }, "", "Roles of the user").
				With(func(l *schema.Leaf) { l.Default, l.Shown = string(feature.NetworkOperator), true }),
			schema.Bind("expire", date, func(c *Account) *string { return &c.Expire }, "", "Last day on which the user may log in"),
			schema.Bind("ssh-key", publicKey, func(c *Account) *string { return &c.Key },
				"username <user> sshkey <key>", "Public key of the user for SSH").
				With(func(l *schema.Leaf) { l.Section, l.Order = 3, 3 }),
		), schema.Bind("passwords/strength-check", schema.Flag, func(c *Config) *bool { return &c.Strength },
			"password strength-check", "Refuse weak passwords").
			With(func(l *schema.Leaf) { l.Default, l.Section, l.Order = true, 3, 1 }),
			schema.Bind("aaa/rejected", rejected, func(c *Config) *Rejected { return &c.Rejected },
				"aaa authentication rejected <rejected>", "Lock users out after failed logins").
				With(func(l *schema.Leaf) { l.Section = 12 })),
		Words: schema.Words{
			"username":          "Configure a user",
			"username password": "Password of the user",
			"username role":     "Role of the user",
			"username expire":   "Last day on which the user may log in",
			"aaa":               "Authentication, authorization and accounting", "aaa authentication": "Authentication of users",
			"aaa authentication rejected": "Lock users out after failed logins",
			"password":                    "Passwords of users",
		},
	}, rolesSchema, radiusSchema, methodsSchema),
	Check: check,
	Show:  slices.Concat(shows, serverShows(Radius)),
	Exec:  slices.Concat(execs, serverExecs(Radius)),
}

// joinGroups makes one group of several.
func joinGroups(all ...schema.Group) schema.Group {
	out := schema.Group{Words: schema.Words{}}
	for _, g := range all {
		out.Blocks, out.Leaves, out.Aliases = append(out.Blocks, g.Blocks...), append(out.Leaves, g.Leaves...), append(out.Aliases, g.Aliases...)
		maps.Copy(out.Words, g.Words)
	}
	return out
}

var strengthPath = tree.Path{{Name: "passwords"}, {Name: "strength-check"}}

// root is where users are.
var root = tree.Path{{Name: "users"}}

func path(user string, leaf ...string) tree.Path {
	p := root.Entry("user", user)
	for _, l := range leaf {
		p = p.Child(l)
	}
	return p
}

// Exists reports whether there is such a user.
func Exists(t tree.Tree, user string) bool { return t.Exists(path(user)) }

// Users returns the names of all users in order.
func Users(t tree.Tree) []string {
	all := slices.Collect(t.Keys(root.Child("user")))
	slices.SortFunc(all, tree.Compare)
	return all
}

// Secret returns the secret of a user, none without a password.
func Secret(t tree.Tree, user string) secret.Secret {
	return feature.Read(t, path(user, "password"), Password{}).Secret
}

// Role returns the roles of a user.
func Role(t tree.Tree, user string) feature.Role {
	text := feature.Read(t, path(user, "role"), string(feature.NetworkOperator))
	return feature.Roles(strings.Split(text, between)...)
}

// Key returns the public key of a user, nil for none.
func Key(t tree.Tree, user string) ssh.PublicKey {
	text := feature.Read(t, path(user, "ssh-key"), "")
	if text == "" {
		return nil
	}
	key, err := parseKey(text)
	if err != nil {
		return nil // not from a checked configuration
	}
	return key
}

// Admin are the edits that make a user of role network-admin, for a chassis that
// has none.
func Admin(user string, s secret.Secret) []feature.Edit {
	return []feature.Edit{
		{Path: path(user)},
		{Path: path(user, "password"), Value: Password{Secret: s}},
		{Path: path(user, "role"), Value: string(feature.NetworkAdmin)},
	}
}

// HasAdmin reports whether some user of role network-admin can log in, for ever.
func HasAdmin(t tree.Tree) bool {
	return slices.ContainsFunc(Users(t), func(u string) bool {
		return Role(t, u).Admin() && hasProof(t, u) && Expiry(t, u).IsZero()
	})
}

// hasProof reports whether a user can prove who he is.
func hasProof(t tree.Tree, user string) bool {
	return feature.Read(t, path(user, "password"), Password{}) != Password{} || Key(t, user) != nil
}

// remain are the roles of a user that a no form leaves.
func remain(option string, now, value any) any {
	if option != "role" {
		return nil
	}
	gone := strings.Split(value.(string), between)
	left := slices.DeleteFunc(strings.Split(now.(string), between), func(n string) bool { return slices.Contains(gone, n) })
	if len(left) == 0 {
		return nil
	}
	return joined(left)
}

// amend adds roles to those that a user has been given, and turns a password in clear text into a secret. One that is the user's
// already stays as it is, so that a line typed again changes nothing.
func amend(t tree.Tree, user, option string, value any) (any, error) {
	if option == "role" {
		names := strings.Split(value.(string), between)
		if now := feature.Read(t, path(user, "role"), ""); now != "" {
			names = append(names, strings.Split(now, between)...)
		}
		text := joined(names)
		if strings.Count(text, between) >= maxUserRoles {
			return nil, feature.Error(fmt.Sprintf("ERROR: A user has at most %d roles.", maxUserRoles))
		}
		return text, nil
	}
	p, ok := value.(Password)
	if option != "password" || !ok || p.Clear == "" {
		return value, nil
	}
	if feature.Read(t, strengthPath, true) {
		if why := weakness(user, p.Clear); why != "" {
			return nil, feature.Error("ERROR: The password is weak: " + why)
		}
	}
	if old := Secret(t, user); old.Verify(p.Clear) {
		return Password{Secret: old}, nil
	}
	return Password{Secret: secret.New(p.Clear)}, nil
}

// maxUsers is how many users there may be (cli.md §15).
const maxUsers = 256

// check keeps a way in for an administrator and clear text out.
func check(c feature.Candidate) []schema.Problem {
	problems := append(checkRoles(c), checkServers(c)...)
	if !c.Changed(root) {
		return problems
	}
	refuse := func(p tree.Path, rule, text string) {
		problems = append(problems, schema.Problem{Path: p, Rule: rule, Text: text})
	}
	users := Users(c.New)
	if len(users) > maxUsers && len(users) > len(Users(c.Old)) {
		refuse(root, "users", fmt.Sprintf("ERROR: Maximum number of users (%d) reached.", maxUsers))
	}
	for _, u := range users {
		if c.Old.Sub(path(u)).Equal(c.New.Sub(path(u))) && c.Old.Exists(path(u)) {
			continue
		}
		if p := feature.Read(c.New, path(u, "password"), Password{}); p.Clear != "" || p.Hidden {
			refuse(path(u, "password"), "clear-password", "ERROR: A password is stored as a hash of type 5, 8 or 9.")
		}
		if !hasProof(c.New, u) {
			problems = append(problems, schema.Problem{
				Path: path(u), Severity: schema.Warning, Rule: "no-proof",
				Text: fmt.Sprintf("Warning: User %s has neither password nor key and cannot log in.", u),
			})
		}
	}
	if HasAdmin(c.Old) && !HasAdmin(c.New) {
		at := root
		for _, u := range Users(c.Old) {
			if Role(c.Old, u).Admin() && hasProof(c.Old, u) && Expiry(c.Old, u).IsZero() {
				at = path(u)
				break
			}
		}
		refuse(at, "last-admin", "ERROR: The last user with role network-admin who can log in cannot be removed.")
	}
	return problems
}
