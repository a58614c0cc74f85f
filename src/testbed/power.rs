//! Starts, stops, kills and restarts the SUT: by its process where it is ours, by the profile's commands where it runs by itself.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use tokio::net::TcpStream;

use super::Testbed;
use super::sut::Sut;
use super::sut_process::{self, StartError, StartPlan, SutProcess, fill};
use crate::model::evidence::Observation;
use crate::model::sut::Action;

/// Time between two looks at whether a product listens that was started elsewhere: nothing announces it.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the end of a connection may be on its way. No longer: a product that was not restarted closes a silent one in the end.
const FAREWELL: Duration = Duration::from_secs(1);

impl Testbed {
    /// Starts the SUT; one that runs by itself is reset first, where there is a command for it.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(&mut self) -> Result<(), StartError> {
        let begun = self.waits.begin();
        let started = self.start_now().await;
        self.waits.end(begun);
        started
    }

    async fn start_now(&mut self) -> Result<(), StartError> {
        if !self.context.profile.ixit.api.running {
            let plan = self.plan("sut")?;
            self.sut = Some(Sut::started(SutProcess::start(&plan).await?));
            return Ok(());
        }
        let commands = self.context.profile.ixit.commands.clone();
        if !self.reset {
            self.reset = true;
            if let Some(reset) = &commands.reset {
                self.act("ixit.commands.reset", reset).await?;
            }
            let delegation = commands.delegation.filter(|_| self.delegation.is_some());
            if let Some(delegation) = &delegation {
                self.act("ixit.commands.delegation", delegation).await?;
            }
        }
        if self.down {
            self.wanted("start", commands.start).await?;
            self.down = false;
        }
        if self.sut.is_none() {
            self.sut = Some(match &self.context.profile.ixit.start {
                Some(_) => Sut::started(SutProcess::start(&self.plan("sut")?).await?),
                None => Sut::elsewhere(self.root()),
            });
        }
        self.listening().await
    }

    /// Asks the SUT to stop and waits.
    ///
    /// # Errors
    /// The product runs by itself, and there is no command to stop it, or it fails.
    pub async fn stop(&mut self) -> Result<(), StartError> {
        let begun = self.waits.begin();
        let stopped = self.stop_now().await;
        self.waits.end(begun);
        stopped
    }

    async fn stop_now(&mut self) -> Result<(), StartError> {
        if self.context.profile.ixit.api.running {
            let stop = self.context.profile.ixit.commands.stop.clone();
            self.wanted("stop", stop).await?;
            self.silent_by_now().await?;
            self.down = true;
        } else if let Some(sut) = self.sut.take() {
            self.remarks.extend(sut.stop().await);
        }
        Ok(())
    }

    /// Stops the SUT and starts it again.
    ///
    /// # Errors
    /// As [`Testbed::start`] and [`Testbed::stop`]; or it was not seen to restart, whoever says so.
    pub async fn restart(&mut self) -> Result<(), StartError> {
        let commands = &self.context.profile.ixit.commands;
        let both = commands.start.is_some() && commands.stop.is_some();
        if self.context.profile.ixit.api.running && !both {
            let begun = self.waits.begin();
            let restart = commands.restart.clone();
            let witness = self.witness().await;
            self.wanted("restart", restart).await?;
            let listening = self.listening().await;
            let outlived = match witness {
                Some(witness) if listening.is_ok() => outlives(&witness).await,
                _ => false,
            };
            self.waits.end(begun);
            if outlived {
                self.operated.observations.push(not_seen());
                return Err(StartError::NotRestarted);
            }
            return listening;
        }
        self.stop().await?;
        self.start().await
    }

    /// Kills the SUT and waits.
    ///
    /// # Errors
    /// As for [`Testbed::stop`].
    pub async fn kill(&mut self) -> Result<(), StartError> {
        if self.context.profile.ixit.api.running {
            let kill = self.context.profile.ixit.commands.kill.clone();
            self.wanted("kill", kill).await?;
            self.silent_by_now().await?;
            self.down = true;
        } else if let Some(sut) = self.sut.take() {
            sut.kill().await;
        }
        Ok(())
    }

    /// Whether the SUT can be killed at all: to be asked before work is given to it that the kill is to cut off.
    ///
    /// # Errors
    /// It runs by itself, and there is no command for it.
    pub fn can_kill(&self) -> Result<(), StartError> {
        let ixit = &self.context.profile.ixit;
        match &ixit.commands.kill {
            Some(kill) => self.can_act("ixit.commands.kill", kill),
            None if ixit.api.running => Err(StartError::NoCommand { what: "kill" }),
            None => Ok(()),
        }
    }

    /// Kills the first process of the SUT, and leaves its others to themselves.
    ///
    /// # Errors
    /// The product runs by itself.
    pub async fn crash(&mut self) -> Result<(), StartError> {
        self.ours()?;
        if let Some(mut sut) = self.sut.take() {
            sut.crash().await;
            self.crashed.push(sut);
        }
        Ok(())
    }

    /// Starts `count` more SUTs at the same moment, each with a state of its own.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_replicas(&mut self, count: usize) -> Result<(), StartError> {
        if let Some(root) = &self.context.profile.ixit.api.root {
            return Err(StartError::OneAddress { root: root.clone() });
        }
        let begun = self.waits.begin();
        let plans = (1..=count)
            .map(|number| self.plan(&format!("replica-{number}")))
            .collect::<Result<Vec<_>, _>>()?;
        let starting = plans.iter().map(SutProcess::start);
        let started = futures::future::try_join_all(starting).await?;
        self.waits.end(begun);
        self.replicas.extend(started.into_iter().map(Sut::started));
        Ok(())
    }

    /// Whether its state and its processes are at our hands.
    ///
    /// # Errors
    /// The product runs by itself.
    pub fn ours(&self) -> Result<(), StartError> {
        if self.context.profile.ixit.api.running {
            return Err(StartError::NotOurs);
        }
        Ok(())
    }

    /// How the SUT ended, if it is not running and we can know.
    pub fn ended(&mut self) -> Option<String> {
        match &mut self.sut {
            Some(sut) => sut.ended(),
            None => Some("it was not started".to_owned()),
        }
    }

    fn root(&self) -> &str {
        let root = self.context.profile.ixit.api.root.as_deref();
        root.unwrap_or_default()
    }

    /// Waits until the product that runs by itself accepts connections.
    async fn listening(&self) -> Result<(), StartError> {
        let seconds = self.context.profile.ixit.timeouts.start;
        let listens = async {
            while !sut_process::listens(self.root()).await {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let limit = Duration::from_secs(seconds);
        let answered = tokio::time::timeout(limit, listens).await;
        answered.map_err(|_| StartError::NotListening {
            root: self.root().to_owned(),
            seconds,
        })
    }

    /// A connection that does not outlive the product.
    async fn witness(&self) -> Option<TcpStream> {
        let (host, port) = sut_process::address(self.root()).ok()?;
        TcpStream::connect((host, port)).await.ok()
    }

    /// Waits until the product that was stopped or killed takes no connections: one that still does was not, whoever says so.
    async fn silent_by_now(&self) -> Result<(), StartError> {
        let listens = async {
            while sut_process::listens(self.root()).await {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let limit = Duration::from_secs(self.context.profile.ixit.timeouts.stop);
        let silent = tokio::time::timeout(limit, listens).await;
        silent.map_err(|_| StartError::Occupied {
            root: self.root().to_owned(),
        })
    }

    /// Does what a scenario needs.
    async fn wanted(
        &mut self,
        what: &'static str,
        action: Option<Action>,
    ) -> Result<(), StartError> {
        let action = action.ok_or(StartError::NoCommand { what })?;
        self.act(&format!("ixit.commands.{what}"), &action).await
    }

    /// The profile's words with their placeholders filled in, and the configuration written.
    fn plan(&self, name: &str) -> Result<StartPlan, StartError> {
        let dir = self.dir(name);
        let (state, temporary) = (self.state(name), dir.join("tmp"));
        for folder in [&state, &temporary] {
            std::fs::create_dir_all(folder).map_err(|source| StartError::File {
                path: folder.display().to_string(),
                source,
            })?;
        }
        let values = self.values(name, &dir);
        let ixit = &self.context.profile.ixit;
        let start = ixit.start.as_ref().ok_or(StartError::NoStart)?;
        let filled = |text: &str| filled(text, &values);
        if let Some(config) = &start.config {
            let path = dir.join("config");
            let further = start
                .delegation
                .as_ref()
                .filter(|_| self.delegation.is_some());
            let text = match further {
                Some(further) => format!("{}{}", filled(config)?, filled(further)?),
                None => filled(config)?,
            };
            std::fs::write(&path, text).map_err(|source| StartError::File {
                path: path.display().to_string(),
                source,
            })?;
        }
        let times = &ixit.timeouts;
        Ok(StartPlan {
            command: start
                .command
                .iter()
                .map(|text| filled(text))
                .collect::<Result<_, _>>()?,
            output: dir.join("output"),
            temporary,
            fixed_root: ixit.api.root.clone(),
            running: ixit.api.running,
            start_timeout: Duration::from_secs(times.start),
            stop_timeout: Duration::from_secs(times.stop),
        })
    }
}

/// Whether a connection from before a restart is still open after it.
async fn outlives(witness: &TcpStream) -> bool {
    // Its end may still be under way from another machine.
    let ended = tokio::time::timeout(FAREWELL, witness.readable()).await;
    ended.is_err()
        || matches!(witness.try_read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

fn not_seen() -> Observation {
    Observation {
        name: "restart-not-seen".to_owned(),
        text: "a connection from before the restart is still open after it: the product was not restarted, or something in front of it \
               holds its connections"
            .to_owned(),
        clause: None,
    }
}

pub(super) fn filled(text: &str, values: &BTreeMap<&str, String>) -> Result<String, StartError> {
    fill(text, values).map_err(|unknown| StartError::Unrunnable {
        program: format!("{{{unknown}}}"),
        source: std::io::Error::other("unknown placeholder"),
    })
}
