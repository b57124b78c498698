//! Runs a script on two servers and compares what they answer.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::client::{Client, Outcome, Target};
use crate::report::{Difference, Protocol, Report};
use crate::script::{Rule, Script, Step};

/// Runs the script on both servers, in RESP2 and then in RESP3, and says where they differ. An error means that they
/// could not be compared: one cannot be reached, or refuses what comes before the script.
pub fn compare(script: &Script, ours: &Target, reference: &Target) -> Result<Report> {
    let mut report = Report::default();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        report.add(run(script, protocol, ours, reference)?);
    }
    Ok(report)
}

fn run(script: &Script, protocol: Protocol, ours: &Target, reference: &Target) -> Result<Report> {
    let mut ours = Side::new(ours, protocol);
    let mut reference = Side::new(reference, protocol);
    if script.flush {
        ours.flush()?;
        reference.flush()?;
    }
    let mut report = Report::default();
    for step in &script.steps {
        if protocol == Protocol::Resp3 && !step.resp3 {
            continue;
        }
        let outcomes = ours.call(step).and_then(|ours| Ok((ours, reference.call(step)?)));
        let (ours, reference) = outcomes.with_context(|| format!("at {}.txt:{}", script.name, step.line))?;
        report.compared += 1;
        if !ours.agrees(&reference, step.rule) {
            report.differences.push(Difference {
                script: script.name.clone(),
                line: step.line,
                command: step.text.clone(),
                protocol,
                ours: ours.to_string(),
                reference: reference.to_string(),
            });
        }
    }
    Ok(report)
}

/// One of the two servers with the connections of a script.
struct Side<'a> {
    target: &'a Target,
    protocol: Protocol,
    clients: BTreeMap<usize, Client>,
}

impl<'a> Side<'a> {
    fn new(target: &'a Target, protocol: Protocol) -> Self {
        Self {
            target,
            protocol,
            clients: BTreeMap::new(),
        }
    }

    fn flush(&self) -> Result<()> {
        Client::connect(self.target, Protocol::Resp2)?.must(&["FLUSHALL"])?;
        Ok(())
    }

    /// What becomes of a step. A connection that failed is not used again.
    fn call(&mut self, step: &Step) -> Result<Outcome> {
        let client = self.client(step.client)?;
        let outcome = if step.rule == Rule::Silent {
            client.call_silently(&step.args)
        } else {
            client.call(&step.args)
        };
        if !matches!(outcome, Outcome::Reply(_) | Outcome::Sent) {
            self.clients.remove(&step.client);
        }
        Ok(outcome)
    }

    fn client(&mut self, number: usize) -> Result<&mut Client> {
        match self.clients.entry(number) {
            std::collections::btree_map::Entry::Occupied(open) => Ok(open.into_mut()),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                Ok(vacant.insert(Client::connect(self.target, self.protocol)?))
            }
        }
    }
}
