package aaa

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/ether"
)

// Limits of roles (cli.md §9.1, §15; NX-OS).
const (
	maxRoles     = 64 // with the built-in ones
	maxRoleName  = 16
	maxRule      = 256
	maxUserRoles = 16
)

// RoleConfig is the configuration of a role, but for its lists.
type RoleConfig struct{ Description, Rule string }

// roleName is the type of names of roles.
var roleName = func() schema.Type[string] {
	t := schema.Name("role-name", "Name of the role", maxRoleName)
	t.Syntax.Objects = roleList
	return t
}()

const (
	roleList   = "roles/role"
	ruleList   = roleList + "/rule"
	vlanPolicy = roleList + "/vlan-policy"
	ifPolicy   = roleList + "/interface-policy"
)

// deny is the only policy: what is not permitted below it is denied.
var deny = schema.Enum("policy", schema.Keyword{Text: "deny", Help: "Deny all that is not permitted"})

// rolesSchema are roles and their rules.
var rolesSchema = schema.Group{
	Blocks: []schema.Block{{
		Path: roleList, Keys: []schema.Key{{Name: "name", Type: roleName}}, Line: "role name <name>", Mode: "config-role",
		Section: 3, Order: 0, Help: "Name of the role",
		NoCreate: func(_ tree.Tree, key string) string {
			if builtin(key) {
				return "ERROR: Role " + key + " is built in and cannot be changed."
			}
			return ""
		},
	}, {
		Path: ruleList, Keys: []schema.Key{{Name: "number", Type: schema.Uint("rule-number", "Number of the rule", 1, maxRule)}},
		Parent: roleList, Order: 2, Help: "Rule",
	}, {
		Path: vlanPolicy, Keys: []schema.Key{{Name: "policy", Type: deny}}, Line: "vlan policy <policy>", Mode: "config-role-vlan",
		Parent: roleList, Order: 3, Help: "Deny VLANs that are not permitted",
	}, {
		Path: vlanPolicy + "/vlan", Keys: []schema.Key{{Name: "vlan", Type: schema.VLAN}}, Line: "permit vlan <vlan>",
		Parent: vlanPolicy, Range: true, Summary: true, Help: "VLANs that may be changed",
	}, {
		Path: ifPolicy, Keys: []schema.Key{{Name: "policy", Type: deny}}, Line: "interface policy <policy>", Mode: "config-role-interface",
		Parent: roleList, Order: 4, Help: "Deny interfaces that are not permitted",
	}, {
		Path: ifPolicy + "/interface", Keys: []schema.Key{{Name: "interface", Type: feature.Interface}}, Line: "permit interface <interface>",
		Parent: ifPolicy, Range: true, Less: func(_ tree.Tree, a, b string) bool { return feature.CompareNames(a, b) < 0 },
		Help: "Interfaces that may be changed",
	}},
	Leaves: append(schema.Augment([]string{roleList},
		schema.Bind("description", schema.Line("role-description", "Description of the role", 128),
			func(c *RoleConfig) *string { return &c.Description }, "description <text>", "Description of the role").
			With(func(l *schema.Leaf) { l.Order = 1 })),
		schema.Augment([]string{ruleList},
			schema.Bind("what", ruleType, func(c *RoleConfig) *string { return &c.Rule }, "rule <number> <what>", "Rule").
				With(func(l *schema.Leaf) { l.Mode, l.Order = roleList, 2 }))...),
	Words: schema.Words{
		"role": "Roles of users", "role name": "Name of the role", "rule": "Rule, the highest number first",
		"vlan": "VLANs", "vlan policy": "Policy of VLANs", "interface": "Interfaces", "interface policy": "Policy of interfaces",
		"permit": "Permit objects", "permit vlan": "VLANs that may be changed", "permit interface": "Interfaces that may be changed",
	},
}

// ruleType is what a rule says: the canonical text of its words.
var ruleType = schema.Type[string]{
	Name: "rule",
	Syntax: schema.Syntax{
		Forms: []string{"{permit|deny} command <text>", "{permit|deny} {read|read-write} [feature <feature>]"},
		Types: map[string]schema.AnyType{
			"text":    commandText,
			"feature": schema.Word("feature-name", "Name of the feature", 32),
		},
		Words: schema.Words{
			"permit": "Permit what the rule is about", "deny": "Deny what the rule is about",
			"command": "Commands by their text", "read": "What changes nothing", "read-write": "All that the feature has",
			"feature": "Of one feature",
		},
		Samples: []string{"permit command show *", "deny command configure terminal ; interface * ; shutdown", "permit read", "deny read-write feature aaa"},
	},
	Parse: func(s string) (string, error) {
		if _, ok := parseRule(s); !ok {
			return "", schema.ErrInvalid
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

// commandText is the text of a rule about commands.
var commandText = schema.Line("command-text", "Command, with ; between the lines of modes and * for any text", feature.MaxPattern)

// parseRule reads what a rule says.
func parseRule(s string) (r feature.Rule, ok bool) {
	action, rest, _ := strings.Cut(s, " ")
	kind, rest, more := strings.Cut(rest, " ")
	r.Permit = action == "permit"
	if !r.Permit && action != "deny" {
		return r, false
	}
	switch kind {
	case "command":
		text, err := commandText.Parse(rest)
		if err != nil || text != rest {
			return r, false
		}
		r.Text = feature.NewPattern(rest, r.Permit)
		return r, true
	case "read-write":
		r.Write = true
	case "read":
	default:
		return r, false
	}
	if !more {
		return r, true
	}
	word, name, _ := strings.Cut(rest, " ")
	r.Feature = name
	return r, word == "feature" && name != "" && !strings.Contains(name, " ")
}

// Names of roles on a user's line, with the keyword between: "a role b".
const between = " role "

// roles is the type of the roles of a user.
var roles = func() schema.Type[string] {
	form, types := "", map[string]schema.AnyType{}
	for i := maxUserRoles; i > 0; i-- {
		name := "role-" + string(rune('a'+i-1))
		types[name] = roleName
		switch {
		case i == maxUserRoles:
			form = "<" + name + ">"
		default:
			form = "<" + name + "> [role " + form + "]"
		}
	}
	return schema.Type[string]{
		Name: "roles",
		Syntax: schema.Syntax{
			Forms: []string{form}, Types: types, Words: schema.Words{"role": "A further role"},
			Samples: []string{"network-admin", "network-operator", "network-admin role network-operator"},
		},
		Parse: func(s string) (string, error) {
			names := strings.Split(s, between)
			for _, n := range names {
				if _, err := roleName.Parse(n); err != nil {
					return "", err
				}
			}
			if len(names) > maxUserRoles {
				return "", schema.ErrInvalid
			}
			return joined(names), nil
		},
		Format: func(s string) string { return s },
		Yang:   `string { pattern "[a-zA-Z0-9\-_]+( role [a-zA-Z0-9\-_]+)*"; }`,
	}
}()

// joined is the canonical text of roles.
func joined(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	return strings.Join(slices.Compact(names), between)
}

// builtin reports whether a role is one that always is.
func builtin(name string) bool {
	return name == string(feature.NetworkAdmin) || name == string(feature.NetworkOperator)
}

var rolesRoot = tree.Path{{Name: "roles"}}

// Roles returns the names of all roles, the built-in ones first.
func Roles(t tree.Tree) []string {
	all := slices.Collect(t.Keys(rolesRoot.Child("role")))
	slices.SortFunc(all, tree.Compare)
	return append([]string{string(feature.NetworkAdmin), string(feature.NetworkOperator)}, all...)
}

func rolePath(name string) tree.Path { return rolesRoot.Entry("role", name) }

// rule is a rule as it is configured.
type rule struct {
	number uint32
	text   string
}

// rulesOf are those of a role, the highest number first.
func rulesOf(t tree.Tree, role string) []rule {
	var all []rule
	for key := range t.Keys(rolePath(role).Child("rule")) {
		at := rolePath(role).Entry("rule", key)
		var n uint32
		for _, c := range key {
			n = 10*n + uint32(c-'0')
		}
		all = append(all, rule{n, feature.Read(t, at.Child("what"), "")})
	}
	slices.SortFunc(all, func(a, b rule) int { return int(b.number) - int(a.number) })
	return all
}

// limitsOf are the VLANs and interfaces that a role may change, nil for all.
func limitsOf(t tree.Tree, role string) (vlans *ether.VLANSet, interfaces *[]string) {
	at := rolePath(role)
	if p := at.Entry("vlan-policy", "deny"); t.Exists(p) {
		vlans = &ether.VLANSet{}
		for key := range t.Keys(p.Child("vlan")) {
			if v, err := schema.VLAN.Parse(key); err == nil {
				*vlans = vlans.With(v)
			}
		}
	}
	if p := at.Entry("interface-policy", "deny"); t.Exists(p) {
		names := slices.Collect(t.Keys(p.Child("interface")))
		interfaces = &names
	}
	return vlans, interfaces
}

// Rights are what roles allow under a configuration. Roles that there are not
// allow nothing.
func Rights(t tree.Tree, r feature.Role) feature.Rights {
	rights := feature.RightsOf(r)
	if rights.Admin {
		return rights
	}
	for _, name := range r.Names() {
		if builtin(name) || !t.Exists(rolePath(name)) {
			continue
		}
		g := feature.Grant{}
		g.VLANs, g.Interfaces = limitsOf(t, name)
		for _, rule := range rulesOf(t, name) {
			if one, ok := parseRule(rule.text); ok {
				one.Number = rule.number
				g.Rules = append(g.Rules, one)
			}
		}
		rights.Roles = append(rights.Roles, g)
	}
	return rights
}

// checkRoles keeps roles few, and those that users have.
func checkRoles(c feature.Candidate) []schema.Problem {
	if !c.Changed(root) && !c.Changed(rolesRoot) {
		return nil
	}
	var problems []schema.Problem
	all := Roles(c.New)
	if len(all) > maxRoles && len(all) > len(Roles(c.Old)) {
		problems = append(problems, schema.Problem{
			Path: rolesRoot, Rule: "roles", Text: fmt.Sprintf("ERROR: Maximum number of roles (%d) reached.", maxRoles),
		})
	}
	for _, u := range Users(c.New) {
		for _, name := range Role(c.New, u).Names() {
			if !slices.Contains(all, name) {
				text := fmt.Sprintf("ERROR: Role %s does not exist.", name)
				if c.Old.Exists(rolePath(name)) {
					text = fmt.Sprintf("ERROR: Role %s is in use by user %s.", name, u)
				}
				problems = append(problems, schema.Problem{Path: path(u, "role"), Rule: "role", Text: text})
			}
		}
	}
	return problems
}
