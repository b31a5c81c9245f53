//! The pages of each provider: its README, which is written by hand in `about.md` and completed here, its states, its
//! rules, and its vectors.

mod life;
mod rules;
mod vectors;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use rulebound::catalogue::{Catalogue, FlowEntry};
use rulebound_tests::root;
use rulebound_tests::survey::{Survey, Views};
use rulebound_tests::trace::{self, Site};

use super::diagrams::{longer_ways, pictures};
use super::picture::Picture;
use super::{Generated, mermaid};

/// The mark for the life and the flows in the hand-written part.
const FLOWS: &str = "<!-- flows -->";

/// What the pages of one provider are made from.
struct Pages<'a> {
    catalogue: &'a Catalogue,
    survey: &'a Survey,
    sites: BTreeMap<&'static str, Site>,
    /// The first part of the codes of its rules.
    prefix: &'a str,
    /// The folder of the pages, from the root of the workspace.
    folder: String,
    /// The way from the pages to the root of the workspace.
    up: &'a str,
}

/// The pages of every provider, and those of the library's own rules.
pub(super) fn files(catalogue: &Catalogue, survey: &Survey) -> Result<Vec<Generated>, String> {
    let pages = |prefix, folder: String, up| {
        Pages { catalogue, survey, sites: trace::sites(catalogue), prefix, folder, up }.files()
    };
    let mut files = Vec::new();
    for provider in &catalogue.providers {
        files.extend(pages(provider.name, format!("core/src/providers/{}", provider.name), "../../../..")?);
    }
    files.extend(pages("rulebound", "core/src/providers".into(), "../../..")?);
    Ok(files)
}

impl Pages<'_> {
    fn files(&self) -> Result<Vec<Generated>, String> {
        let about = fs::read_to_string(root().join(&self.folder).join("about.md")).unwrap_or_default();
        let mut files = vec![
            self.file("README.md", self.readme(&about)?),
            self.file("rules.md", self.rules()),
            self.file("vectors.md", self.vectors()),
        ];
        if self.flows().next().is_some() {
            files.push(self.file("states.md", self.states()));
        }
        Ok(files)
    }

    fn file(&self, name: &str, text: String) -> Generated {
        Generated { path: format!("{}/{name}", self.folder), text }
    }

    fn flows(&self) -> impl Iterator<Item = &FlowEntry> {
        self.catalogue.flows.iter().filter(|it| self.owns(it.id))
    }

    fn readme(&self, about: &str) -> Result<String, String> {
        let (before, after) = about.split_once(FLOWS).unwrap_or((about, ""));
        let mut text = format!("{}\n{}", before.trim_end(), life::text(self.prefix)?);
        self.flows().for_each(|flow| text += &flow_section(flow));
        let _ = write!(text, "\n{}\n{}{}", after.trim(), self.questions(), self.further());
        Ok(text.trim_start().to_owned())
    }

    /// The links to the other pages.
    fn further(&self) -> String {
        let states =
            if self.flows().next().is_some() { "[every state, move and verdict as text](states.md), " } else { "" };
        format!(
            "\n## Further\n\n{states}[the rules](rules.md), [the vectors, and the code of each rule](vectors.md).\n"
        )
    }

    /// The diagrams as text, the moves that a diagram leaves out, and the verdicts of each review.
    fn states(&self) -> String {
        let mut text = format!("# The states of `{}`\n", self.prefix);
        for flow in self.flows() {
            for picture in pictures(flow) {
                text += &facet(&picture, &self.survey.flows[flow.id]);
            }
            text += &reviews(flow);
        }
        text
    }

    fn owns(&self, name: &str) -> bool {
        name.split('.').next() == Some(self.prefix)
    }

    fn questions(&self) -> String {
        let provider = self.catalogue.providers.iter().find(|it| it.name == self.prefix);
        let Some(provider) = provider.filter(|it| !it.questions.is_empty()) else { return String::new() };
        let mut text = String::from("\n## Questions\n\n`ask` answers these questions. They need no snapshot.\n");
        text += "\n| Question | Takes | Answers |\n| --- | --- | --- |\n";
        for it in provider.questions {
            let _ = writeln!(text, "| `{}` | {} | {} |", it.name, codes(it.fields), it.about);
        }
        text
    }
}

/// What a flow has, and the diagrams of its facets.
fn flow_section(flow: &FlowEntry) -> String {
    let mut text = format!("\n## `{}`\n\n| | |\n| --- | --- |\n", flow.id);
    let actions: Vec<_> = flow.actions.iter().map(|it| it.name).collect();
    for (what, names) in [("actions", actions.as_slice()), ("effects", flow.effects), ("signals", flow.signals)] {
        let _ = writeln!(text, "| {what} | {} |", codes(names));
    }
    for picture in pictures(flow) {
        let (id, facet) = (picture.flow.id, picture.facet);
        let name = id.split_once('.').map_or(id, |(_, name)| name);
        let _ = write!(
            text,
            "\n![The states of {facet} in {id}, and the moves between them](diagrams/{name}.{facet}.svg)\n"
        );
    }
    text
}

/// One facet as text.
fn facet(picture: &Picture<'_>, views: &Views) -> String {
    let longer = if picture.skipping.is_empty() { String::new() } else { format!("\n{}\n", longer_ways(picture)) };
    format!("\n## {}: {}\n{longer}\n```mermaid\n{}```\n", picture.flow.id, picture.facet, mermaid::text(picture, views))
}

/// The questions of a flow for a person, with the verdicts as `reviewed` reports them.
fn reviews(flow: &FlowEntry) -> String {
    let is_own = |reason: &str| flow.effects.iter().any(|it| it.strip_prefix("review/") == Some(reason));
    let mut text = format!("\n## {}: reviews\n\n| Review | Question | Verdicts |\n| --- | --- | --- |\n", flow.id);
    for it in flow.reviews.iter().filter(|it| is_own(it.reason)) {
        let verdicts: Vec<_> = it.verdicts.iter().map(|it| it.verdict).collect();
        let _ = writeln!(text, "| `{}` | {} | {} |", it.reason, escaped(it.question), codes(&verdicts));
    }
    text
}

fn codes(names: &[&str]) -> String {
    names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

/// A code without its provider.
fn below(code: &str) -> &str {
    code.split_once('.').map_or(code, |(_, rest)| rest)
}

/// A string, escaped for a table and a link.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('[', "\\[").replace(']', "\\]").replace('<', "&lt;")
}
