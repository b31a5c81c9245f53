export * from './host.cjs';
