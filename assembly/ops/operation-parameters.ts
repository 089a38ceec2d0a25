import {
  ACTIVATION,
  AFFINE,
  AffineOperation,
  CONSTANT,
  CONVOLUTION,
  ConstantOperation,
  ConvolutionOperation,
  DENSE,
  DenseOperation,
  EMBEDDING,
  EmbeddingOperation,
  EXTREMUM,
  FIXED,
  FORK,
  Graph,
  MAP,
  MATMUL,
  NORM,
  NormOperation,
  operationAt,
  PRODUCT,
  SELECTION,
  SOFTMAX,
} from "../memory/graph";
import { GRADIENTS, keptBy, ParameterGradient, Workspace } from "../memory/workspace";
import { addAffineGradient, addMixedAffineGradient, packAffine } from "./affine";
import { packConvolution } from "./convolution-panels";
import { addConvolutionGradient, addMixedConvolutionGradient } from "./convolution-parameters";
import { packDense } from "./dense";
import { addDenseGradient, addMixedDenseGradient } from "./dense-parameters";
import { addMixedNormGradient, addNormGradient, packNorm } from "./norm-parameters";
import { addConstantGradient, addEmbeddingGradient, packConstant, packEmbedding } from "./sources";

// Parameters of each kind of operation: packing, and their gradients.

/**
 * Adds the gradients for the operation's parameters, row by row in their order; with GRADIENT_TANGENTS their derivative in the
 * tangent's direction.
 */
export function addGradient(
  graph: Graph,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
  field: usize,
): void {
  const operation = operationAt(graph, index);
  const kept = keptBy(workspace, index);
  switch (operation.kind) {
    case DENSE: {
      const dense = changetype<DenseOperation>(operation);
      if (field === GRADIENTS) addDenseGradient(dense, workspace, sums, index, count);
      else addMixedDenseGradient(dense, workspace, sums, index, count);
      break;
    }
    case CONVOLUTION: {
      const convolution = changetype<ConvolutionOperation>(operation);
      if (field === GRADIENTS) addConvolutionGradient(convolution, graph, workspace, sums, index, count);
      else addMixedConvolutionGradient(convolution, graph, workspace, sums, index, count);
      break;
    }
    case NORM: {
      const norm = changetype<NormOperation>(operation);
      if (field === GRADIENTS) addNormGradient(norm, kept, workspace, sums, index, count);
      else addMixedNormGradient(norm, kept, workspace, sums, index, count);
      break;
    }
    case AFFINE: {
      const affine = changetype<AffineOperation>(operation);
      if (field === GRADIENTS) addAffineGradient(affine, workspace, sums, index, count);
      else addMixedAffineGradient(affine, workspace, sums, index, count);
      break;
    }
    case CONSTANT:
      addConstantGradient(changetype<ConstantOperation>(operation), workspace, sums, index, field, count);
      break;
    case EMBEDDING:
      addEmbeddingGradient(changetype<EmbeddingOperation>(operation), workspace, sums, index, field, count);
      break;
    case ACTIVATION:
    case FORK:
    case MAP:
    case PRODUCT:
    case EXTREMUM:
    case SELECTION:
    case SOFTMAX:
    case MATMUL:
    case FIXED:
      break;
    default:
      unreachable();
  }
}

/**
 * Packs the operation's parameters, which lie at `parameters`; returns where the next operation's lie.
 *
 * @param rowAlignment each row of a parameter takes a multiple of so many floats
 */
export function pack(graph: Graph, index: i32, parameters: usize, rowAlignment: i32): usize {
  const operation = operationAt(graph, index);
  switch (operation.kind) {
    case DENSE:
      return packDense(changetype<DenseOperation>(operation), parameters, rowAlignment);
    case CONVOLUTION:
      return packConvolution(changetype<ConvolutionOperation>(operation), parameters, rowAlignment);
    case NORM:
      return packNorm(changetype<NormOperation>(operation), parameters, rowAlignment);
    case AFFINE:
      return packAffine(changetype<AffineOperation>(operation), parameters, rowAlignment);
    case CONSTANT:
      return packConstant(changetype<ConstantOperation>(operation), parameters, rowAlignment);
    case EMBEDDING:
      return packEmbedding(changetype<EmbeddingOperation>(operation), parameters, rowAlignment);
    case ACTIVATION:
    case FORK:
    case MAP:
    case PRODUCT:
    case EXTREMUM:
    case SELECTION:
    case SOFTMAX:
    case MATMUL:
    case FIXED:
      return parameters;
    default:
      unreachable();
      return 0;
  }
}
