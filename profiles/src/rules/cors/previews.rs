//! Preview deployments: pages of a branch, not of production.

use super::origins::refused;
use crate::rule::Facts;
use crate::{Host, Problem, Rule};

pub(crate) const NONE: Rule = Rule {
    id: "cors.origins.previews",
    rule: "Production's origins are not preview deployments of Vercel, Netlify or Cloudflare Pages.",
    rationale: "A preview runs the code of a branch, and its host name can pass to a stranger's project.",
    references: &[
        "https://vercel.com/docs/deployments/generated-urls",
        "https://docs.netlify.com/site-deploys/deploy-previews/",
        "https://developers.cloudflare.com/pages/configuration/preview-deployments/",
    ],
    find,
};

/// Whether the label before a platform's suffix names a preview.
type Names = fn(&str) -> bool;

const PREVIEWS: &[(&str, &str, Names)] = &[
    ("Vercel", ".vercel.app", |label| label.contains("-git-") || has_commit(label)),
    // `deploy-preview-42--site`, `branch--site`
    ("Netlify", ".netlify.app", |label| label.trim_start_matches("xn--").contains("--")),
    // `branch.project`
    ("Cloudflare Pages", ".pages.dev", |label| label.contains('.')),
];

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    refused(facts, |origin| {
        let Host::Name(host) = origin.host() else { return None };
        let (platform, ..) =
            PREVIEWS.iter().find(|(_, suffix, previews)| host.strip_suffix(suffix).is_some_and(previews))?;
        Some((
            format!("origin `{origin}` is a {platform} preview deployment"),
            "write the production domain; give previews a profile of their own".to_owned(),
        ))
    })
}

/// `<project>-<9 letters and digits>-<scope>`. The part must have a digit before a letter, which some commits lack;
/// otherwise `acme-dashboard-app` and `acme-project24-web` would be previews.
fn has_commit(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let [_, between @ .., _] = parts.as_slice() else { return false };
    let mixed = |part: &str| {
        part.as_bytes().windows(2).any(|two| two[0].is_ascii_digit() && two[1].is_ascii_alphabetic())
    };
    between.iter().any(|part| part.len() == 9 && mixed(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_preview(host: &str) -> bool {
        PREVIEWS.iter().any(|(_, suffix, previews)| host.strip_suffix(suffix).is_some_and(previews))
    }

    #[test]
    fn preview_hosts_are_known_by_their_grammar() {
        for host in [
            "todo-git-main-acme.vercel.app",
            "todo-git-fix-login-acme.vercel.app",
            "todo-k3j2h4l5m-acme.vercel.app",
            "deploy-preview-42--todo.netlify.app",
            "373f31e2.todo.pages.dev",
        ] {
            assert!(is_preview(host), "{host}");
        }
    }

    #[test]
    fn production_hosts_are_not_previews() {
        for host in [
            "todo.vercel.app",
            "todo-acme.vercel.app",
            "acme-dashboard-app.vercel.app",
            "acme-project24-web.vercel.app",
            "my-git.vercel.app",
            "todo.netlify.app",
            "xn--caf-dma.netlify.app",
            "todo.pages.dev",
            "todo-git-main-acme.example.com",
        ] {
            assert!(!is_preview(host), "{host}");
        }
    }
}
