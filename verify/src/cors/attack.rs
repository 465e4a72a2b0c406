//! Origins that an attacker could have, derived from those that a deployment must trust.
//!
//! Every faulty comparison (prefix, suffix, substring, regular expression, host only) accepts an origin of another
//! site. The attacks derive such origins from *every* declared origin and from the target's own, because an API
//! correctly refuses variations of names that it does not know.

use profiles::{Environment, Host, Origin, Scheme};

use crate::model::check::Subject;

/// An origin that must be refused, and the setting that promises it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attack {
    pub(crate) origin: String,
    pub(crate) promise: String,
}

/// A domain reserved for examples (RFC 2606), which no site uses.
const EVIL: &str = "evil.example";

/// Applies a derivation to each origin that the deployment may trust.
pub(crate) fn from_each(subject: &Subject<'_>, derive: fn(&Origin) -> Vec<String>) -> Vec<Attack> {
    let declared = subject.declared_origins();
    let target = ("cors.origins".to_owned(), &subject.target);
    let attacks = declared.chain(std::iter::once(target)).flat_map(|(promise, origin)| {
        derive(origin).into_iter().map(move |origin| Attack { origin, promise: promise.clone() })
    });
    refusable(subject, attacks)
}

/// The given origins, without those that the profile allows.
pub(crate) fn from_list(subject: &Subject<'_>, origins: &[&str]) -> Vec<Attack> {
    let attacks = origins
        .iter()
        .map(|origin| Attack { origin: (*origin).to_owned(), promise: "cors.origins".to_owned() });
    refusable(subject, attacks)
}

/// Origins that another environment trusts and this one does not.
pub(crate) fn from_other_profiles(subject: &Subject<'_>) -> Vec<Attack> {
    let attacks = subject
        .foreign
        .iter()
        .map(|(_, origin)| Attack { origin: origin.to_string(), promise: "cors.origins".to_owned() });
    refusable(subject, attacks)
}

/// Each attack once, and none that the profile allows.
fn refusable(subject: &Subject<'_>, attacks: impl Iterator<Item = Attack>) -> Vec<Attack> {
    let mut refusable: Vec<Attack> = Vec::new();
    for attack in attacks {
        if !subject.declares(&attack.origin) && !refusable.iter().any(|known| known.origin == attack.origin) {
            refusable.push(attack);
        }
    }
    refusable
}

/// `https://app.example.com.evil.example`: passes `starts_with`.
pub(crate) fn prefix(origin: &Origin) -> Vec<String> {
    named(origin, |name| vec![format!("{name}.{EVIL}")])
}

/// `https://evilapp.example.com`, `https://evil-example.com`: pass `ends_with`.
pub(crate) fn suffix(origin: &Origin) -> Vec<String> {
    named(origin, |name| {
        let domain = registrable(name).unwrap_or(name);
        vec![format!("evil{name}"), format!("evil-{domain}")]
    })
}

/// A shortened host, and the host inside another: pass `contains`, in either direction.
pub(crate) fn substring(origin: &Origin) -> Vec<String> {
    named(origin, |name| {
        let cut = &name[..name.len() - 1];
        let cut = (!cut.is_empty() && !cut.ends_with(['.', '-'])).then(|| cut.to_owned());
        cut.into_iter().chain([format!("a.{name}.{EVIL}")]).collect()
    })
}

/// Each dot replaced in turn: passes a regular expression with a bare `.`.
pub(crate) fn unescaped_dot(origin: &Origin) -> Vec<String> {
    named(origin, |name| {
        name.match_indices('.').map(|(at, _)| format!("{}x{}", &name[..at], &name[at + 1..])).collect()
    })
}

/// `https://evil.app.example.com`: passes `*.app.example.com`.
pub(crate) fn subdomain(origin: &Origin) -> Vec<String> {
    named(origin, |name| vec![format!("evil.{name}")])
}

/// The parent domain, and a sibling below it: on shared hosting a stranger's project.
pub(crate) fn parent_and_sibling(origin: &Origin) -> Vec<String> {
    named(origin, |name| {
        let Some((first, rest)) = name.split_once('.') else {
            return Vec::new();
        };
        let parent = registrable(name).filter(|parent| *parent != name).map(str::to_owned);
        parent.into_iter().chain([format!("{first}-git-evil-team.{rest}"), format!("evil.{rest}")]).collect()
    })
}

/// The same host without TLS: an attacker on the network controls that page.
pub(crate) fn http_downgrade(origin: &Origin) -> Vec<String> {
    match origin.scheme() {
        Scheme::Https => vec![format!("http://{}", origin.authority())],
        Scheme::Http => Vec::new(),
    }
}

/// The same host on other ports: an undeclared one, and the default ports written out.
pub(crate) fn other_port(origin: &Origin) -> Vec<String> {
    let (scheme, host) = (origin.scheme(), origin.host());
    [8443, 80, 443].into_iter().map(|port| format!("{scheme}://{host}:{port}")).collect()
}

/// Spellings that a URL parser normalises to the declared origin. No browser sends them.
pub(crate) fn non_canonical(origin: &Origin) -> Vec<String> {
    let scheme = origin.scheme();
    let mut spellings = vec![
        format!("{origin}/"),
        format!("{origin}/path"),
        format!("{origin}@{EVIL}"),
        format!("{scheme}://{EVIL}#{origin}"),
    ];
    if let Host::Name(name) = origin.host() {
        let port = origin.port().map_or(String::new(), |port| format!(":{port}"));
        spellings.push(format!("{scheme}://{}{port}", name.to_ascii_uppercase()));
        spellings.push(format!("{scheme}://{name}.{port}"));
    }
    spellings
}

/// Characters that browsers accept in host names, and at which faulty patterns stop.
pub(crate) fn special_characters(origin: &Origin) -> Vec<String> {
    named(origin, |name| {
        let odd = "_ - ~ $ ! * ( ) ' , ; & + = { } %60 %0b";
        odd.split(' ').map(|character| format!("{name}{character}.{EVIL}")).collect()
    })
}

/// Developers' machines; in production, any program that serves a page on the visitor's own computer.
pub(crate) fn localhost(subject: &Subject<'_>) -> Vec<Attack> {
    if subject.profile().environment == Environment::Development {
        return Vec::new();
    }
    from_list(
        subject,
        &[
            "http://localhost",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://[::1]",
            "https://localhost.evil.example",
        ],
    )
}

/// The origin with its host name replaced; none for IP addresses, which have no names to vary.
fn named(origin: &Origin, replace: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let Host::Name(name) = origin.host() else {
        return Vec::new();
    };
    let port = origin.port().map_or(String::new(), |port| format!(":{port}"));
    replace(name).into_iter().map(|host| format!("{}://{host}{port}", origin.scheme())).collect()
}

/// The registrable domain, by the Public Suffix List: `example.com` for `app.example.com`.
fn registrable(name: &str) -> Option<&str> {
    psl::domain_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(derive: fn(&Origin) -> Vec<String>, origin: &str) -> Vec<String> {
        derive(&origin.parse().unwrap())
    }

    #[test]
    fn each_derivation_is_another_page() {
        let app = "https://app.example.com";
        assert_eq!(of(prefix, app), ["https://app.example.com.evil.example"]);
        assert_eq!(of(suffix, app), ["https://evilapp.example.com", "https://evil-example.com"]);
        assert_eq!(of(unescaped_dot, app), ["https://appxexample.com", "https://app.examplexcom"]);
        assert_eq!(of(subdomain, app), ["https://evil.app.example.com"]);
        assert_eq!(of(http_downgrade, app), ["http://app.example.com"]);
        assert_eq!(
            of(other_port, app),
            ["https://app.example.com:8443", "https://app.example.com:80", "https://app.example.com:443"]
        );
        assert_eq!(
            of(parent_and_sibling, "https://todo.vercel.app"),
            ["https://todo-git-evil-team.vercel.app", "https://evil.vercel.app"],
            "vercel.app is a public suffix: it has no registrable parent"
        );
    }

    #[test]
    fn the_port_stays_where_only_the_name_changes() {
        assert_eq!(of(subdomain, "http://localhost:3000"), ["http://evil.localhost:3000"]);
        assert!(of(prefix, "http://127.0.0.1:3000").is_empty());
    }
}
