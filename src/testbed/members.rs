//! Bodies of requests: the tester's own members, and over them those of `ixit.vnf` with their placeholders filled in. Main type:
//! [`Members`].

use serde_json::{Map, Value, json};

use super::Testbed;
use super::delegation::Delegation;
use super::vim::VimAccess;

/// What the placeholders stand for.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    /// How many VNFCs there are to be.
    pub(super) vnfcs: u64,
    /// VNFCs with the addresses of their configuration interfaces.
    pub(super) vnfcis: Vec<(String, String)>,
    /// The VIM, where there is one.
    pub(super) vim: VimAccess,
}

impl Members {
    /// The whole body.
    pub(super) fn body(&self, own: Value, further: &Map<String, Value>) -> Value {
        let mut body = own;
        if let Value::Object(members) = &mut body {
            for (name, value) in further {
                members.insert(name.clone(), self.filled(value));
            }
        }
        body
    }

    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.as_str() {
                "{vnfcs}" => self.vnfcs.into(),
                "{vnfcis}" => self.vnfcis.iter().map(vnfci).collect(),
                "{vim}" => self.vim.auth_url.as_str().into(),
                "{vim-user}" => self.vim.user.as_str().into(),
                "{vim-password}" => self.vim.password.as_str().into(),
                _ => value.clone(),
            },
            Value::Array(entries) => entries.iter().map(|entry| self.filled(entry)).collect(),
            Value::Object(members) => members
                .iter()
                .map(|(name, member)| (name.clone(), self.filled(member)))
                .collect(),
            other => other.clone(),
        }
    }
}

impl Testbed {
    /// For so many VNFCs, with the VIM of this scenario.
    pub(super) fn members(&self, vnfcs: u64) -> Members {
        let of_delegation = self.delegation.as_ref().map(Delegation::vim_access);
        let vim = of_delegation.or_else(|| self.vim.as_ref().map(|vim| vim.access().clone()));
        Members {
            vnfcs,
            vnfcis: Vec::new(),
            vim: vim.unwrap_or_default(),
        }
    }
}

fn vnfci((id, configuration): &(String, String)) -> Value {
    json!({ "vnfcInstanceId": id, "configuration": configuration })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_members_are_filled_in_and_win() {
        let further = json!({ "additionalParams": { "n": "{vnfcs}", "all": ["{vnfcis}", "x"] }, "flavourId": "big",
            "vim": { "endpoint": "{vim}", "username": "{vim-user}", "password": "{vim-password}" } });
        let Value::Object(further) = further else {
            panic!("an object");
        };
        let members = Members {
            vnfcs: 3,
            vnfcis: vec![("a".to_owned(), "https://h:1".to_owned())],
            vim: VimAccess {
                auth_url: "https://vim/identity/v3".to_owned(),
                user: "u".to_owned(),
                password: "p".to_owned(),
            },
        };
        let body = members.body(json!({ "flavourId": "simple", "b": 1 }), &further);
        assert_eq!(
            body,
            json!({
                "flavourId": "big",
                "b": 1,
                "vim": { "endpoint": "https://vim/identity/v3", "username": "u", "password": "p" },
                "additionalParams": {
                    "n": 3,
                    "all": [[{ "vnfcInstanceId": "a", "configuration": "https://h:1" }], "x"],
                },
            })
        );
    }
}
