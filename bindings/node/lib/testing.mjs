import testing from './testing.cjs';

export const { Simulator, SimulatorError, World, findBinary, startSimulator } = testing;
