//! turmoil's network under the node's transport.

use std::io;

use futures::future::BoxFuture;
use tenure_log_node::transport::{Accept, Dial, Io};
use turmoil::net::{TcpListener, TcpStream};

/// Dials hosts of the simulation.
pub(crate) struct SimDial;

impl Dial for SimDial {
    fn dial(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Io>>> {
        let address = address.to_owned();
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

/// Accepts from hosts of the simulation.
pub(crate) struct SimPort(pub TcpListener);

impl Accept for SimPort {
    async fn accept(&mut self) -> io::Result<Box<dyn Io>> {
        let (stream, _) = self.0.accept().await?;
        Ok(Box::new(stream) as Box<dyn Io>)
    }
}
