package aaa

import (
	"fmt"

	"trunkline/config/tree"
	"trunkline/feature"
)

// method is who is asked for one service.
type method struct{ service, method string }

// methodRows are who is asked, by service.
func methodRows(name, format string, all ...method) feature.Section {
	return feature.Section{
		Name: name,
		Rows: feature.Rows(all,
			func(m method) string { return fmt.Sprintf(format, m.service, m.method) },
			func(m method) []feature.Pair {
				return []feature.Pair{{Key: "service", Value: m.service}, {Key: "method", Value: m.method}}
			}),
	}
}

func methodsText(t tree.Tree, at ...string) string {
	return feature.Read(t, aaaPath(at...), LocalLogin)
}

func showAuthentication(q feature.Query) (feature.Screen, error) {
	return feature.Screen{methodRows("AuthenMethods", "         %s: %s\n",
		method{"default", methodsText(q.Running, "login", "default")}, method{"console", LocalLogin})}, nil
}

func showAccounting(q feature.Query) (feature.Screen, error) {
	return feature.Screen{methodRows("AcctMethods", "         %s: %s\n", method{"default", methodsText(q.Running, "accounting", "default")})}, nil
}

func showAuthorization(q feature.Query) (feature.Screen, error) {
	s := methodRows("AuthorMethods", "         default authorization for %s: %s\n",
		method{"config-commands", methodsText(q.Running, "authorization", "config-commands")},
		method{"commands", methodsText(q.Running, "authorization", "commands")})
	s.Heading = "AAA command authorization:\n"
	return feature.Screen{s}, nil
}

func showGroups(q feature.Query) (feature.Screen, error) {
	var all []string
	for _, p := range protocols {
		if p.on(q.Running) {
			all = append(append(all, string(p)), Groups(q.Running, p)...)
		}
	}
	return feature.Screen{{
		Name: "groups",
		Rows: feature.Rows(all,
			func(g string) string { return g + "\n" },
			func(g string) []feature.Pair { return []feature.Pair{{Key: "group", Value: g}} }),
	}}, nil
}

// showFlag prints whether a setting is on.
func showFlag(key string, read func(tree.Tree) bool) func(feature.Query) (feature.Screen, error) {
	return func(q feature.Query) (feature.Screen, error) {
		text := "disabled"
		if read(q.Running) {
			text = "enabled"
		}
		return feature.Screen{{Heading: text + "\n", Keys: []feature.Pair{{Key: key, Value: text}}}}, nil
	}
}
