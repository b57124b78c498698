//! Renewals, as questions to a group's leader.
//! Promises: a renewal that leaves late no longer says that its sender's lease is live. What counts is when its bytes
//! leave, and not when it was asked for: a connection may have to be made first.

use futures::stream;
use tenure_log::{CallError, Renewed, Unknown};
use tenure_log_protocol::{NotHeld, Renew};
use tenure_types::GroupId;
use tenure_wire::log_v1 as wire;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::confirm::{Claim, Failed, Question};
use super::nodes::MESSAGE_BYTES_MAX;
use crate::convert;

/// The method, as its generated client names it.
const RENEW: &str = "/tenure.log.v1.Log/Renew";

impl Question for Renew {
    type Outcome = Result<Renewed, CallError<NotHeld>>;

    fn group_asked(&self) -> GroupId {
        self.stream.group()
    }

    async fn ask(
        channel: Channel,
        group: GroupId,
        renews: Vec<Self>,
        claim: Claim,
    ) -> Result<Vec<Self::Outcome>, Failed> {
        // The generated client writes the message before there is a connection. On the wire a stream of one message is
        // the same, and it is written when the connection takes it.
        let request = stream::once(async move { request(group, &renews, claim.holds(Instant::now())) });
        let mut client = Grpc::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let ready = client.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        let codec = ProstCodec::<_, wire::RenewResponse>::default();
        let response = client
            .client_streaming(Request::new(request), PathAndQuery::from_static(RENEW), codec)
            .await?
            .into_inner();
        let outcomes = response.answers.iter().map(convert::renew_outcome_from_wire);
        Ok(outcomes.collect::<Result<_, _>>()?)
    }

    fn unknown(unknown: Unknown) -> Self::Outcome {
        Err(CallError::Unknown(unknown))
    }

    fn why_unknown(outcome: &Self::Outcome) -> Option<Unknown> {
        match outcome {
            Err(CallError::Unknown(unknown)) => Some(*unknown),
            Ok(_) | Err(CallError::Refused(_)) => None,
        }
    }
}

fn request(group: GroupId, renews: &[Renew], claims_lease: bool) -> wire::RenewRequest {
    let renew = |renew: &Renew| {
        convert::renew_to_wire(&Renew {
            under_lease: renew.under_lease && claims_lease,
            ..*renew
        })
    };
    wire::RenewRequest {
        group: group.get(),
        renews: renews.iter().map(renew).collect(),
    }
}
