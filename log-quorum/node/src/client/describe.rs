//! Descriptions of streams, as questions to a group's leader.

use tenure_log::{StreamStatus, Unknown};
use tenure_types::{GroupId, StreamId};
use tenure_wire::log_v1 as wire;
use tonic::transport::Channel;

use super::confirm::{Claim, Failed, Question};
use super::nodes;
use crate::convert;

impl Question for StreamId {
    type Outcome = Result<Option<StreamStatus>, Unknown>;

    fn group_asked(&self) -> GroupId {
        self.group()
    }

    async fn ask(
        channel: Channel,
        group: GroupId,
        streams: Vec<Self>,
        _claim: Claim,
    ) -> Result<Vec<Self::Outcome>, Failed> {
        let request = wire::DescribeRequest {
            group: group.get(),
            streams: streams.iter().map(|stream| stream.to_bits()).collect(),
        };
        let response = nodes::client(channel).describe(request).await?.into_inner();
        if response.answers.len() != streams.len() {
            return Err(Failed::Miscounted);
        }
        let outcomes = streams.iter().zip(&response.answers);
        let outcomes = outcomes.map(|(stream, answer)| convert::describe_outcome_from_wire(*stream, answer));
        Ok(outcomes.collect::<Result<_, _>>()?)
    }

    fn unknown(unknown: Unknown) -> Self::Outcome {
        Err(unknown)
    }

    fn why_unknown(outcome: &Self::Outcome) -> Option<Unknown> {
        outcome.as_ref().err().copied()
    }
}
