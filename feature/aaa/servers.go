package aaa

import (
	"fmt"
	"slices"
	"strings"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// GroupConfig is the configuration of a group.
type GroupConfig struct {
	Servers string // in the order of configuration, with spaces between
}

// maxMembers bounds a group as it is read; what is in force is checkServers' to
// bound, so that its message is told.
const maxMembers = 4 * maxServers

// members is the type of one server on a line, and of several in what is stored.
var members = func() schema.Type[string] {
	t := feature.HostName
	t.Name, t.Yang = "group-servers", "string"
	t.Parse = func(s string) (string, error) {
		hosts := strings.Split(s, " ")
		if len(hosts) > maxMembers {
			return "", schema.ErrInvalid
		}
		for i, h := range hosts {
			var err error
			if hosts[i], err = feature.HostName.Parse(h); err != nil {
				return "", err
			}
		}
		return strings.Join(hosts, " "), nil
	}
	return t
}()

// joinMembers adds a server at the end of a group, unless it is there.
func joinMembers(now, given any) any {
	all := strings.Fields(now.(string))
	for _, h := range strings.Fields(given.(string)) {
		if !slices.Contains(all, h) {
			all = append(all, h)
		}
	}
	return strings.Join(all, " ")
}

// partMembers takes servers out of a group.
func partMembers(now, given any) any {
	gone := strings.Fields(given.(string))
	return strings.Join(slices.DeleteFunc(strings.Fields(now.(string)), func(h string) bool { return slices.Contains(gone, h) }), " ")
}

// memberLines are the servers that a group's lines name.
func memberLines(v any) []any {
	var all []any
	for _, h := range strings.Fields(v.(string)) {
		all = append(all, h)
	}
	return all
}

// groupHosts are the servers of a group by name, in the order of configuration;
// those of the group of all are in order of name.
func groupHosts(t tree.Tree, group string) []string {
	if group == everyServer {
		return Servers(t)
	}
	return strings.Fields(feature.Read(t, aaaRoot.Entry("radius-group", group).Child("servers"), ""))
}

// checkServers keeps servers and groups few, and references right.
func checkServers(c feature.Candidate) []schema.Problem {
	if !c.Changed(aaaRoot) {
		return nil
	}
	var problems []schema.Problem
	refuse := func(p tree.Path, rule, text string, args ...any) {
		problems = append(problems, schema.Problem{Path: p, Rule: rule, Text: fmt.Sprintf("ERROR: "+text, args...)})
	}
	if n := len(Servers(c.New)); n > maxServers && n > len(Servers(c.Old)) {
		refuse(aaaRoot, "servers", "Maximum number of RADIUS servers (%d) reached.", maxServers)
	}
	groups := Groups(c.New)
	if n := len(groups); n > maxGroups && n > len(Groups(c.Old)) {
		refuse(aaaRoot, "groups", "Maximum number of groups (%d) reached.", maxGroups)
	}
	for _, g := range groups {
		if g == everyServer {
			refuse(aaaRoot.Entry("radius-group", g), "group", "Group %s is that of all servers and is not configured.", g)
			continue
		}
		hosts := groupHosts(c.New, g)
		if len(hosts) > maxServers {
			refuse(aaaRoot.Entry("radius-group", g).Child("servers"), "servers", "Maximum number of servers (%d) of group %s reached.", maxServers, g)
		}
		for _, host := range hosts {
			if !c.New.Exists(aaaRoot.Entry("radius-server", host)) {
				refuse(aaaRoot.Entry("radius-group", g).Child("servers"), "server", "RADIUS server %s of group %s does not exist.", host, g)
				break
			}
		}
	}
	for _, g := range LoginGroups(c.New) {
		if g != everyServer && !slices.Contains(groups, g) {
			refuse(aaaPath("login", "default"), "group", "Group %s does not exist.", g)
			break // one line names them all
		}
	}
	return problems
}
