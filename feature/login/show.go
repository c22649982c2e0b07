package login

import (
	"fmt"
	"strings"

	"trunkline/config/schema"
	"trunkline/feature"
)

// showBanner prints a banner as it is configured, nothing for none.
func showBanner(which, help string) feature.Show {
	return feature.Show{
		Line: "show banner " + which, Help: help, Words: schema.Words{"show banner": "Banners"},
		Run: func(q feature.Query) (feature.Screen, error) {
			text := feature.Read(q.Running, path("banner", which), "")
			key := feature.Pair{Key: "banner_" + which}
			if text != "" {
				key.Value = text
				text = strings.TrimSuffix(text, "\n") + "\n"
			}
			return feature.Screen{{Heading: text, Keys: []feature.Pair{key}}}, nil
		},
	}
}

// showPrivilege: roles, not levels, say what a user may do.
var showPrivilege = feature.Show{
	Line: "show privilege", Help: "Privilege level of the user",
	Run: func(q feature.Query) (feature.Screen, error) {
		const level, feat = -1, "Disabled"
		return feature.Screen{{
			Heading: fmt.Sprintf("User name: %s\nCurrent privilege level: %d\nFeature privilege: %s\n", q.Session.User, level, feat),
			Keys: []feature.Pair{
				{Key: "user_name", Value: q.Session.User}, {Key: "current_privilege_level", Value: level}, {Key: "feature_privilege", Value: feat},
			},
		}}, nil
	},
}
