//! The product in a scenario, whoever runs it: [`Sut`].

use super::sut_process::SutProcess;

/// A product that serves.
pub struct Sut {
    /// Where its API is.
    pub api_root: String,
    /// Where its VNF OAM endpoint is, if its ready line says so.
    pub oam: Option<String>,
    /// What we started: the product, or what runs beside one that runs by itself. Nothing, if it needs nothing.
    process: Option<SutProcess>,
}

impl Sut {
    /// One whose process, or companion, we started.
    pub fn started(process: SutProcess) -> Self {
        Self {
            api_root: process.api_root.clone(),
            oam: process.oam.clone(),
            process: Some(process),
        }
    }

    /// One that runs by itself.
    pub fn elsewhere(api_root: &str) -> Self {
        Self {
            api_root: api_root.to_owned(),
            oam: None,
            process: None,
        }
    }

    /// The number of its first process, while that runs here.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref()?.pid()
    }

    /// How it ended, if it did and we can know.
    pub fn ended(&mut self) -> Option<String> {
        self.process.as_mut()?.ended()
    }

    /// Asks what we started to stop, and waits. Returns a remark if it had to be killed.
    pub async fn stop(self) -> Option<String> {
        self.process?.stop().await
    }

    /// Kills all that we started, and waits until the first process is gone.
    pub async fn kill(self) {
        if let Some(process) = self.process {
            process.kill().await;
        }
    }

    /// Kills the first process alone, and waits until it is gone.
    pub async fn crash(&mut self) {
        if let Some(process) = &mut self.process {
            process.crash().await;
        }
    }
}
