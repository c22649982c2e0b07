package aaa

import (
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// LocalLogin is the method of users of the configuration, and of its roles.
const LocalLogin = "local"

// noLogin is the method that asks for no password.
const noLogin = "none"

// maxMethods is how many groups may be asked in turn (NX-OS).
const maxMethods = 8

// MethodConfig is who proves users, and who is told what they do.
type MethodConfig struct {
	Login, Accounting string
	Errors            bool
}

// methodList makes the type of a list of methods: groups in turn, or one of
// alone; after groups there may be one of last. Help texts go with them; sample is a
// list of groups.
func methodList(name, groups, sample string, alone, last map[string]string) schema.Type[string] {
	t := schema.Type[string]{
		Name: name,
		Syntax: schema.Syntax{
			Types: map[string]schema.AnyType{
				"group": groupName, "second": groupName, "third": groupName, "fourth": groupName,
				"fifth": groupName, "sixth": groupName, "seventh": groupName, "eighth": groupName,
			},
			Words: schema.Words{"group": groups},
		},
		Format: func(s string) string { return s },
	}
	const every = "group <group> [<second> [<third> [<fourth> [<fifth> [<sixth> [<seventh> [<eighth>]]]]]]]"
	for word, help := range alone {
		t.Syntax.Forms, t.Syntax.Samples = append(t.Syntax.Forms, word), append(t.Syntax.Samples, word)
		t.Syntax.Words[word] = help
	}
	slices.Sort(t.Syntax.Forms)
	slices.Sort(t.Syntax.Samples)
	t.Syntax.Samples = append(t.Syntax.Samples, "group "+sample)
	form := every
	var words []string
	for word, help := range last {
		words = append(words, word)
		t.Syntax.Words["group "+word] = help
		t.Syntax.Samples = append(t.Syntax.Samples, "group "+sample+" "+word)
	}
	slices.Sort(words)
	if words != nil {
		form += " [" + strings.Join(words, "|") + "]"
	}
	t.Syntax.Forms = append(t.Syntax.Forms, form)
	t.Parse = func(s string) (string, error) {
		if _, ok := alone[s]; ok {
			return s, nil
		}
		words := strings.Split(s, " ")
		if words[0] != "group" {
			return "", schema.ErrInvalid
		}
		words = words[1:]
		if n := len(words); n > 1 {
			if _, ok := last[words[n-1]]; ok {
				words = words[:n-1]
			}
		}
		if len(words) == 0 || len(words) > maxMethods {
			return "", schema.ErrInvalid
		}
		for i, w := range words {
			if _, err := groupName.Parse(w); err != nil {
				return "", err
			}
			if slices.Contains(words[:i], w) {
				return "", schema.ErrInvalid
			}
		}
		return s, nil
	}
	return t
}

// Types of methods.
var (
	loginMethods = methodList("login-methods", "Groups of servers in turn, and users of the configuration where none answers", "LAB radius",
		map[string]string{LocalLogin: "Users of the configuration", noLogin: "Users of the configuration, without a password"},
		map[string]string{LocalLogin: "Users of the configuration where no server answers", noLogin: "No password where no server answers"})
	authorizationMethods = methodList("authorization-methods", "Groups of TACACS+ servers in turn", "TAC",
		map[string]string{LocalLogin: "Roles of the configuration alone"},
		map[string]string{LocalLogin: "Roles of the configuration alone where no server answers"})
	accountingMethods = methodList("accounting-methods", "Groups of servers, of which the first that answers is told as well", "LAB",
		map[string]string{LocalLogin: "The accounting log of the switch alone"}, nil)
)

// methodsSchema are the methods that servers of every protocol are for.
var methodsSchema = schema.Group{
	Leaves: []schema.Leaf{
		schema.Bind("aaa/login/default", loginMethods, func(c *MethodConfig) *string { return &c.Login }, "aaa authentication login default <methods>", "How users are proved").
			With(in12(20)).With(func(l *schema.Leaf) { l.Default = LocalLogin }),
		schema.Bind("aaa/login/error-enable", schema.Flag, func(c *MethodConfig) *bool { return &c.Errors }, "aaa authentication login error-enable",
			"Tell users that no server answered").With(in12(21)),
		schema.Bind("aaa/accounting/default", accountingMethods, func(c *MethodConfig) *string { return &c.Accounting }, "aaa accounting default <methods>", "Who is told what users do").
			With(in12(26)).With(func(l *schema.Leaf) { l.Default = LocalLogin }),
	},
	Words: schema.Words{
		"aaa authentication login": "Login of users", "aaa authentication login default": "How users are proved",
		"aaa accounting": "Accounting of what users do", "aaa accounting default": "Who is told what users do",
	},
}

// Methods is who is asked: groups in turn, and where none answers, or there is
// none, Last.
type Methods struct {
	Groups []string
	Last   string // "local", "none" or ""
}

func readMethods(t tree.Tree, at ...string) Methods {
	words := strings.Fields(feature.Read(t, aaaPath(at...), LocalLogin))
	var m Methods
	if n := len(words); n > 0 && (words[n-1] == LocalLogin || words[n-1] == noLogin) {
		m.Last, words = words[n-1], words[:n-1]
	}
	if len(words) > 1 {
		m.Groups = words[1:]
	}
	return m
}

// Login is how users are proved. Where no server answers those of the
// configuration are, whether a line says so or not, but that it says none.
func Login(t tree.Tree) Methods { return readMethods(t, "login", "default") }

// Open reports whether the last resort is to ask for no password.
func (m Methods) Open() bool { return m.Last == noLogin }

// Authorization is who says whether a command may be run, of configuration modes
// or not.
func Authorization(t tree.Tree, config bool) Methods {
	if config {
		return readMethods(t, "authorization", "config-commands")
	}
	return readMethods(t, "authorization", "commands")
}

// Accounting is who is told what users do, besides the log of the switch.
func Accounting(t tree.Tree) Methods { return readMethods(t, "accounting", "default") }

// TellsErrors reports whether users are told that no server answered; ASCII that
// questions of TACACS+ servers are answered; Directed that USER@SERVER is a login by
// that server.
func TellsErrors(t tree.Tree) bool { return feature.Read(t, aaaPath("login", "error-enable"), false) }

// ASCII says how TACACS+ servers are asked for users.
func ASCII(t tree.Tree) bool {
	return feature.Read(t, aaaPath("login", "ascii-authentication"), false)
}

// Directed splits a user's name into that and the TACACS+ server that he wants to be
// asked, if configuration lets him and the server is one of those that he would be
// asked of anyway.
func Directed(t tree.Tree, user string, servers []Server) (name string, s Server, ok bool) {
	name, host, found := strings.Cut(user, "@")
	if !found || name == "" || !directed(t) {
		return user, Server{}, false
	}
	host, err := feature.ParseHostName(host)
	if err != nil {
		return user, Server{}, false
	}
	at := slices.IndexFunc(servers, func(s Server) bool { return s.Protocol == Tacacs && s.Host == host })
	if at < 0 {
		return user, Server{}, false
	}
	return name, servers[at], true
}

func directed(t tree.Tree) bool {
	return feature.Read(t, aaaPath("tacacs", "directed-request"), false)
}

// mute reports whether methods name groups, none of whose servers can be asked, and no
// other way.
func mute(t tree.Tree, m Methods) bool {
	missing := func(name string) bool { _, ok := GroupOf(t, name); return !ok }
	return m.Groups != nil && m.Last == "" && !slices.ContainsFunc(m.Groups, missing) && !slices.ContainsFunc(ServersOf(t, m.Groups), func(s Server) bool { return s.Key != "" })
}

// hadGroup reports whether a change takes away a group that there was.
func hadGroup(old, now tree.Tree, name string) bool {
	_, was := GroupOf(old, name)
	_, is := GroupOf(now, name)
	return was && !is
}

// checkMethods keeps references to groups right.
func checkMethods(c feature.Candidate) []schema.Problem {
	var problems []schema.Problem
	for _, one := range []struct {
		at      tree.Path
		line    string // without its methods
		read    func(tree.Tree) Methods
		only    Protocol // "" for any
		without string   // what is so if no server of the groups can be asked, "" for nothing
	}{
		{aaaPath("login", "default"), "aaa authentication login default", Login, "", "Users of the configuration log in."},
		{aaaPath("accounting", "default"), "aaa accounting default", Accounting, "", ""},
		{aaaPath("authorization", "commands"), "aaa authorization commands default",
			func(t tree.Tree) Methods { return Authorization(t, false) }, Tacacs, "No command is authorized."},
		{aaaPath("authorization", "config-commands"), "aaa authorization config-commands default",
			func(t tree.Tree) Methods { return Authorization(t, true) }, Tacacs, "No configuration command is authorized."},
	} {
		methods := one.read(c.New)
		if one.without != "" && mute(c.New, methods) && (c.Changed(one.at) || !mute(c.Old, one.read(c.Old))) {
			problems = append(problems, schema.Problem{
				Path: one.at, Severity: schema.Warning, Rule: "no-server",
				Text: "Warning: No server of '" + one.line + "' has a key. " + one.without,
			})
		}
		for _, name := range methods.Groups {
			g, ok := GroupOf(c.New, name)
			text := ""
			switch {
			case !ok && hadGroup(c.Old, c.New, name):
				text = "ERROR: Group " + name + " is used by '" + one.line + "'."
			case !ok:
				text = "ERROR: Group " + name + " does not exist."
			case one.only != "" && g.Protocol != one.only:
				text = "ERROR: Group " + name + " has no TACACS+ servers, which commands need."
			default:
				continue
			}
			problems = append(problems, schema.Problem{Path: one.at, Rule: "group", Text: text})
			break // one line names them all
		}
	}
	if at := aaaPath("login", "default"); Login(c.New).Open() && c.Changed(at) {
		problems = append(problems, schema.Problem{
			Path: at, Severity: schema.Warning, Rule: "no-password",
			Text: "Warning: Users of the configuration log in without a password where no server answers.",
		})
	}
	return problems
}
