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
import { keptBy, ParameterGradient, Workspace } from "../memory/workspace";
import { addAffineGradient, packAffine } from "./affine";
import { packConvolution } from "./convolution-panels";
import { addConvolutionGradient } from "./convolution-parameters";
import { packDense } from "./dense";
import { addDenseGradient } from "./dense-parameters";
import { addNormGradient, packNorm } from "./norm-parameters";
import { addConstantGradient, addEmbeddingGradient, packConstant, packEmbedding } from "./sources";

// Parameters of each kind of operation: packing, and gradients. Threads divide the parameters into parts, never the rows that
// gradients are summed over, so that sums have the same bits for any number of parts. Matrices are divided into rows or panels;
// all parameters of any other operation are in one part, number index % parts.

/**
 * Adds the gradients for an operation's parameters over `count` rows to `sums`, row by row; if `field` is GRADIENT_TANGENTS,
 * the gradients' derivatives along the tangent direction. Adds those of part number `part` of `parts` of the parameters.
 */
export function addGradient(
  graph: Graph,
  workspace: Workspace,
  sums: ParameterGradient,
  index: i32,
  count: i32,
  field: usize,
  part: i32,
  parts: i32,
): void {
  const operation = operationAt(graph, index);
  const kept = keptBy(workspace, index);
  // Rows of an operation whose parameters are not divided: all if they are in this part, else none.
  const rows = part === index % parts ? count : 0;
  switch (operation.kind) {
    case DENSE:
      addDenseGradient(
        changetype<DenseOperation>(operation),
        workspace,
        sums,
        index,
        count,
        field,
        part,
        parts,
      );
      break;
    case CONVOLUTION: {
      const convolution = changetype<ConvolutionOperation>(operation);
      addConvolutionGradient(convolution, workspace, sums, index, count, field, part, parts);
      break;
    }
    case NORM:
      addNormGradient(changetype<NormOperation>(operation), kept, workspace, sums, index, rows, field);
      break;
    case AFFINE:
      addAffineGradient(changetype<AffineOperation>(operation), workspace, sums, index, rows, field);
      break;
    case CONSTANT:
      addConstantGradient(changetype<ConstantOperation>(operation), workspace, sums, index, rows, field);
      break;
    case EMBEDDING:
      addEmbeddingGradient(changetype<EmbeddingOperation>(operation), workspace, sums, index, rows, field);
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
 * Packs part number `part` of `parts` of the parameters of operation `index`, which are stored at `parameters`; returns the
 * address of the next operation's parameters.
 *
 * @param rowAlignment number of floats to a multiple of which each row of the stored parameters is padded
 */
export function pack(
  graph: Graph,
  index: i32,
  parameters: usize,
  rowAlignment: i32,
  part: i32,
  parts: i32,
): usize {
  const operation = operationAt(graph, index);
  const isOwn = part === index % parts;
  switch (operation.kind) {
    case DENSE:
      return packDense(changetype<DenseOperation>(operation), parameters, rowAlignment, part, parts);
    case CONVOLUTION:
      return packConvolution(
        changetype<ConvolutionOperation>(operation),
        parameters,
        rowAlignment,
        part,
        parts,
      );
    case NORM:
      return packNorm(changetype<NormOperation>(operation), parameters, rowAlignment, isOwn);
    case AFFINE:
      return packAffine(changetype<AffineOperation>(operation), parameters, rowAlignment, isOwn);
    case CONSTANT:
      return packConstant(changetype<ConstantOperation>(operation), parameters, rowAlignment, isOwn);
    case EMBEDDING:
      return packEmbedding(changetype<EmbeddingOperation>(operation), parameters, rowAlignment, isOwn);
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
